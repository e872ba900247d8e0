"""How far a mask and the truth are the same voxels: Dice, IoU, F-beta of each class.

Voxels nobody vouches for are left out. Where neither the truth nor the mask has a class, the two
agree: its scores are 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import InputError


@dataclass(frozen=True)
class Truth:
    """The truth of a volume."""

    codes: np.ndarray  # (z, y, x) uint8: 0 background, 1 to K the classes
    counted: np.ndarray  # (z, y, x) bool: somebody vouches for the label


@dataclass(frozen=True)
class Overlap:
    """Scores of one class, each 0 to 1."""

    dice: float  # 2 |A and B| / (|A| + |B|), the F1 score of voxels
    iou: float  # |A and B| / |A or B|
    f_beta: float
    precision: float
    recall: float


def truth_of(labels: np.ndarray, classes: Mapping[str, int], ignore: Sequence[int]) -> Truth:
    """The truth of label values (z, y, x): the k-th of `classes` is code k + 1, the values in
    `ignore` do not count, every other value is background."""
    codes = np.zeros(labels.shape, dtype=np.uint8)
    for code, value in enumerate(classes.values(), start=1):
        codes[labels == value] = code
    return Truth(codes=codes, counted=~np.isin(labels, list(ignore)))


def overlap(mask: np.ndarray, truth: Truth, code: int, beta: float) -> Overlap:
    """Scores of the class `code` in a mask of class codes (z, y, x).

    F-beta is (1 + beta^2) P R / (beta^2 P + R) (van Rijsbergen 1979). Raises InputError where the
    mask has another shape than the truth.
    """
    check_shape(mask, truth)
    found = (mask == code) & truth.counted
    there = (truth.codes == code) & truth.counted
    both = int(np.count_nonzero(found & there))
    n_found, n_there = int(np.count_nonzero(found)), int(np.count_nonzero(there))
    weight = beta * beta
    return Overlap(
        dice=_share(2 * both, n_found + n_there),
        iou=_share(both, n_found + n_there - both),
        f_beta=_share((1 + weight) * both, n_found + weight * n_there),
        precision=_share(both, n_found) if n_found or not n_there else 0.0,
        recall=_share(both, n_there) if n_there or not n_found else 0.0,
    )


def check_shape(mask: np.ndarray, truth: Truth) -> None:
    if mask.shape != truth.codes.shape:
        raise InputError(
            f"a mask of shape {mask.shape} cannot be judged by labels of {truth.codes.shape}"
        )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
