"""Slices of a volume as pictures: the image in greys and, over it, where the mask is right.

The colours are told apart by colour-blind readers too (Okabe and Ito 2008). A slice is taken
through the place with the most voxels of any class, in the mask or in the truth.
"""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from app.pipelines.vesuvius.page.findings import Pictured

AXES = ("z", "y", "x")
LARGEST = 512  # px: larger slices are thinned
OPACITY = 150  # of 255
COLOURS = {
    "right": (0, 158, 115),
    "not in the truth": (213, 94, 0),
    "missed": (86, 180, 233),
    "another class": (204, 121, 167),
    "found, not labelled": (240, 228, 66),  # found where nobody vouches for the truth
}


@dataclass(frozen=True)
class Slice:
    """One picture in two layers, as data URIs."""

    axis: str  # the axis it is across
    place: int
    of: int  # slices there are along the axis
    image: str
    overlay: str
    width: int  # px, one a voxel unless thinned
    height: int


def slices_of(pictured: Pictured) -> list[Slice]:
    """Three slices, across z, y and x."""
    taken = [_taken(pictured, axis) for axis in range(3)]
    greys = [np.asarray(_across(pictured.image, axis, place), dtype=float) for axis, place in taken]
    low, high = np.percentile(np.concatenate([grey.ravel() for grey in greys]), (0.5, 99.5))
    return [
        _slice(pictured, axis, place, (grey - low) / max(high - low, 1e-12))
        for (axis, place), grey in zip(taken, greys, strict=True)
    ]


def colours_used(pictured: Pictured) -> set[str]:
    """Which of COLOURS a volume's slices show."""
    used: set[str] = set()
    for axis, place in (_taken(pictured, axis) for axis in range(3)):
        used |= {name for name, where in _where(pictured, axis, place).items() if where.any()}
    return used


def _taken(pictured: Pictured, axis: int) -> tuple[int, int]:
    """The axis, and the place along it with the most to see; the middle where there is nothing."""
    others = tuple(other for other in range(3) if other != axis)
    seen = np.count_nonzero(pictured.mask, axis=others)
    if pictured.truth is not None:
        seen = seen + np.count_nonzero(pictured.truth.codes, axis=others)
    return axis, int(np.argmax(seen)) if seen.any() else len(seen) // 2


def _across(volume: np.ndarray, axis: int, place: int) -> np.ndarray:
    """A slice of at most LARGEST px a side: every n-th row and column of a larger one."""
    whole: np.ndarray = np.take(volume, place, axis=axis)
    step = -(-max(whole.shape) // LARGEST)
    return whole[::step, ::step]


def _slice(pictured: Pictured, axis: int, place: int, shade: np.ndarray) -> Slice:
    image = np.repeat((255 * np.clip(shade, 0.0, 1.0)).astype(np.uint8)[..., None], 3, axis=-1)
    overlay = np.zeros((*shade.shape, 4), dtype=np.uint8)
    for name, where in _where(pictured, axis, place).items():
        overlay[where] = (*COLOURS[name], OPACITY)
    return Slice(
        axis=AXES[axis],
        place=place,
        of=pictured.mask.shape[axis],
        image=_data_uri(image),
        overlay=_data_uri(overlay),
        width=shade.shape[1],
        height=shade.shape[0],
    )


def _where(pictured: Pictured, axis: int, place: int) -> dict[str, np.ndarray]:
    found = _across(pictured.mask, axis, place)
    if pictured.truth is None:
        return {"found, not labelled": found > 0}
    there = _across(pictured.truth.codes, axis, place)
    counted = _across(pictured.truth.counted, axis, place)
    return {
        "right": counted & (found > 0) & (found == there),
        "not in the truth": counted & (found > 0) & (there == 0),
        "missed": counted & (found == 0) & (there > 0),
        "another class": counted & (found > 0) & (there > 0) & (found != there),
        "found, not labelled": ~counted & (found > 0),
    }


def _data_uri(pixels: np.ndarray) -> str:
    from matplotlib.image import imsave

    file = BytesIO()
    imsave(file, np.ascontiguousarray(pixels), format="png")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode("ascii")
