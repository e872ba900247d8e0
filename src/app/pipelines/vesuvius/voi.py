"""Variation of information between the connected components of two masks (Meila 2007).

Components are 26-connected. It is taken over the voxels that are in either mask and that somebody
vouches for; a voxel of one mask only is in one component of the other that stands for all it
lacks. This is how the field's surface-detection challenge scores it.
"""

from dataclasses import dataclass

import numpy as np

from app.pipelines.vesuvius.postprocess import components

PENALTY = 0.3  # of a bit, in the challenge's score


@dataclass(frozen=True)
class Variation:
    """Conditional entropies in bits; 0 and 0 where the components are the same."""

    split: float  # H(found | true): true components in pieces
    merge: float  # H(true | found): true components grown together

    @property
    def score(self) -> float:
        """1 / (1 + 0.3 (split + merge)): 1 is perfect."""
        return 1.0 / (1.0 + PENALTY * (self.split + self.merge))


def variation(found: np.ndarray, there: np.ndarray, counted: np.ndarray) -> Variation:
    """Of masks (z, y, x) bool; 0 and 0 where both are empty."""
    from skimage.metrics import variation_of_information

    found, there = found & counted, there & counted
    either = found | there
    if not either.any():
        return Variation(split=0.0, merge=0.0)
    split, merge = variation_of_information(
        components(there)[0][either], components(found)[0][either]
    )
    return Variation(split=abs(float(split)), merge=abs(float(merge)))  # no -0.0
