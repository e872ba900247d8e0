"""The label values of a volume, checked against the classes that the config names."""

import numpy as np

from app.config.vesuvius.volumes import Volumes
from app.errors import InputError


def label_counts(labels: np.ndarray) -> dict[int, int]:
    """Label value -> voxels, ascending; a slice in memory at a time."""
    total: dict[int, int] = {}
    for voxels in labels:
        values, counts = np.unique(voxels, return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            total[value] = total.get(value, 0) + count
    return dict(sorted(total.items()))


def checked_labels(
    labels: np.ndarray, shape: tuple[int, ...], config: Volumes, place: str
) -> np.ndarray:
    """Labels (z, y, x) as integers.

    The background is the one value that is neither a class nor ignored: 0, unless that is.

    Raises:
        InputError: of another shape than the image, not whole numbers, or with values that the
            config does not know; names `place`.
    """
    if labels.shape != shape:
        raise InputError(f"{place}: labels are {labels.shape}, their image is {shape} (z, y, x)")
    counts = label_counts(labels)
    if odd := [value for value in counts if value != int(value)]:
        raise InputError(f"{place}: {odd[0]} is no label value; labels are whole numbers")
    named = {*config.classes.values(), *config.ignore}
    others = {int(value) for value in counts} - named
    background = {0} if 0 not in named else set(sorted(others)[:1])
    if unknown := sorted(others - background):
        raise InputError(
            f"{place}: label values {unknown[:10]} are unknown ({counts[unknown[0]]} voxels of "
            f"{unknown[0]}); name them in volumes.classes or volumes.ignore"
        )
    return labels if labels.dtype.kind in "iu" else labels.astype(np.int32)
