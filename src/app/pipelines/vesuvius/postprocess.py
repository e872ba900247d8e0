"""3D post-processing of probabilities into masks: hysteresis, closing, dust removal.

Hysteresis is Canny's (1986), on 26-connected components; the closing is by a cylinder along z, as
is usual for sheets in anisotropic scans. Each class is treated by itself; where two want the same
voxel, the more probable one has it.
"""

import numpy as np

from app.config.vesuvius.segmentation import Segmentation

NEIGHBOURS_26 = np.ones((3, 3, 3), dtype=bool)


def postprocess(
    probabilities: np.ndarray, thresholds: np.ndarray, settings: Segmentation
) -> np.ndarray:
    """Class codes (z, y, x) uint8 of probabilities (K, z, y, x); thresholds are (K,).

    Every 26-connected component of a class in the result has at least `min_voxels` voxels.
    """
    codes = np.zeros(probabilities.shape[1:], dtype=np.uint8)
    largest = np.full(codes.shape, -1.0, dtype=np.float32)
    for code, (found, threshold) in enumerate(zip(probabilities, thresholds, strict=True), start=1):
        wanted = close(
            hysteresis(found, float(threshold), settings.hysteresis),
            settings.close_z,
            settings.close_xy,
        )
        wanted &= found > largest
        codes[wanted] = code
        largest[wanted] = found[wanted]
    for code in range(1, len(probabilities) + 1):
        mask = codes == code
        codes[mask & ~without_dust(mask, settings.min_voxels)] = 0
    return codes


def hysteresis(probabilities: np.ndarray, threshold: float, margin: float) -> np.ndarray:
    """Components (z, y, x) of voxels at or above threshold - margin that have one at or above
    threshold + margin. The margin is at most half of the way to 0 and to 1: a larger one would
    take in everything, or nothing."""
    margin = min(margin, threshold / 2, (1.0 - threshold) / 2)
    grown = probabilities >= np.float32(threshold - margin)
    if margin == 0.0:
        return grown
    labels, count = components(grown)
    seeded = np.zeros(count + 1, dtype=bool)
    seeded[labels[probabilities >= np.float32(threshold + margin)]] = True
    chosen: np.ndarray = seeded[labels]
    return chosen


def close(mask: np.ndarray, radius_z: int, radius_xy: int) -> np.ndarray:
    """Binary closing by a cylinder of 2 radius_z + 1 slices, each a disk of `radius_xy` voxels.

    Beyond the volume there is background, and nothing of the mask is lost at its faces.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    edge = ((radius_z, radius_z), (radius_xy, radius_xy), (radius_xy, radius_xy))
    column = np.ones((2 * radius_z + 1, 1, 1), dtype=bool)  # disk and column add to the cylinder
    y, x = np.ogrid[-radius_xy : radius_xy + 1, -radius_xy : radius_xy + 1]
    disk = (y * y + x * x <= radius_xy * radius_xy)[None]
    wide = np.pad(mask, edge)
    for element in (disk, column):
        wide = binary_dilation(wide, element)
    for element in (disk, column):
        wide = binary_erosion(wide, element)
    inner = tuple(
        slice(low, size - high) for (low, high), size in zip(edge, wide.shape, strict=True)
    )
    closed: np.ndarray = wide[inner]
    return closed


def without_dust(mask: np.ndarray, min_voxels: int) -> np.ndarray:
    """The 26-connected components of at least `min_voxels` voxels."""
    if min_voxels <= 1:
        return mask
    labels, count = components(mask)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= min_voxels
    large[0] = False
    kept: np.ndarray = large[labels]
    return kept


def components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels (z, y, x) of the 26-connected components, 1 to their number; and that number."""
    from scipy.ndimage import label

    labels, count = label(mask, NEIGHBOURS_26)
    return labels, int(count)
