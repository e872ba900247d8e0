"""SurfaceDice: how far two masks have the same surface, to a tolerance (Nikolov et al. 2018).

A mask's surface are its voxels that touch the background by a face. Only voxels somebody vouches
for count, on both sides of the face: where the labels end, or the volume, there is no surface.
"""

import numpy as np


def surface_dice(
    found: np.ndarray, there: np.ndarray, counted: np.ndarray, tolerance: float
) -> float:
    """The share of the voxels of both surfaces that lie within `tolerance` voxels (Euclidean,
    between centres) of the other surface; masks are (z, y, x) bool.

    Where neither has a surface: 1 if the masks are equal, else 0.
    """
    from scipy.ndimage import binary_dilation

    ours, theirs = surface(found, counted), surface(there, counted)
    n_ours, n_theirs = int(np.count_nonzero(ours)), int(np.count_nonzero(theirs))
    if not n_ours and not n_theirs:
        return float(np.array_equal(found & counted, there & counted))
    near = ball(tolerance)
    close = np.count_nonzero(ours & binary_dilation(theirs, near))
    close += np.count_nonzero(theirs & binary_dilation(ours, near))
    return int(close) / (n_ours + n_theirs)


def surface(mask: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Voxels (z, y, x) of the mask that share a face with a counted voxel outside it."""
    from scipy.ndimage import binary_dilation

    found: np.ndarray = mask & counted & binary_dilation(~mask & counted)  # 6 neighbours
    return found


def ball(radius: float) -> np.ndarray:
    """Offsets (z, y, x) of at most `radius` voxels, as a bool cube about its centre."""
    whole = int(radius)
    z, y, x = np.ogrid[-whole : whole + 1, -whole : whole + 1, -whole : whole + 1]
    inside: np.ndarray = z * z + y * y + x * x <= radius * radius
    return inside
