"""Topology of a mask by its Betti numbers, and how far two masks have the same.

b0 counts components (26-connected), b2 cavities (components of the background, 6-connected, that
do not reach the outside), b1 tunnels: from the Euler characteristic chi = b0 - b1 + b2. What
nobody vouches for is background in both masks.

The score is, for each dimension k in which either mask has anything, the F1 of the counts,
2 min(b, b') / (b + b'); their mean is weighted as in the field's surface-detection challenge. The
challenge matches features by where they are (Betti matching, Stucki et al. 2023); counts alone
cannot be fewer than its matches, so that this score is an upper bound of it.
"""

from dataclasses import dataclass

import numpy as np

from app.pipelines.vesuvius.postprocess import components

WEIGHTS = (0.34, 0.33, 0.33)  # of components, tunnels, cavities


@dataclass(frozen=True)
class Betti:
    components: int
    tunnels: int
    cavities: int


def betti(mask: np.ndarray) -> Betti:
    """The Betti numbers of a mask (z, y, x) bool; beyond it there is background."""
    from scipy.ndimage import label
    from skimage.measure import euler_number

    _, n_components = components(mask)
    _, n_background = label(~np.pad(mask, 1))
    n_cavities = int(n_background) - 1
    chi = int(euler_number(mask, connectivity=3))
    return Betti(
        components=n_components,
        tunnels=n_components + n_cavities - chi,
        cavities=n_cavities,
    )


def topology_score(found: Betti, there: Betti) -> float:
    """0 to 1; 1 where the numbers are equal, and where both masks are empty."""
    pairs = (
        (found.components, there.components),
        (found.tunnels, there.tunnels),
        (found.cavities, there.cavities),
    )
    alive = [(pair, weight) for pair, weight in zip(pairs, WEIGHTS, strict=True) if any(pair)]
    if not alive:
        return 1.0
    total = sum(weight * 2 * min(pair) / sum(pair) for pair, weight in alive)
    return total / sum(weight for _, weight in alive)
