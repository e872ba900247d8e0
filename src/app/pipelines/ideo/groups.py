"""Groups put wholly on one side.

`random_groups` draws a share of the groups, whatever their size and labels: the sides differ in
label proportions too, as they do for people never heard before. `matched_groups` keeps the label
proportions of the whole as near as the groups allow, so that two splits differ in the groups
alone.

Matching: the groups are shuffled by the seed and dealt to the held-out side until it has its
share of the documents; then the one group whose change of side brings the sides nearest to the
wished label counts changes side, until none does (steepest descent). Several such starts are
tried and the nearest is kept. Distance: the sum over labels of the squared relative error of the
held-out count.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

STARTS = 8
_LEAST_GAIN = 1e-12

Counts = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Draw = Callable[[Counts, float, Mask, np.random.Generator], Mask]


def random_groups(counts: Counts, share: float, never: Mask, rng: np.random.Generator) -> Mask:
    """Which groups are held out: `share` of them, at least one where one may be."""
    order = rng.permutation(len(counts))
    order = order[~never[order]]
    held = np.zeros(len(counts), bool)
    held[order[: max(1, round(share * len(counts)))]] = True
    return held


def matched_groups(counts: Counts, share: float, never: Mask, rng: np.random.Generator) -> Mask:
    """Which groups are held out.

    Args:
        counts: (groups, labels) documents of each label in each group.
        share: the share of every label wished on the held-out side, in (0, 1).
        never: groups that must not be held out.
    """
    wished = counts.sum(axis=0) * share
    scaled = counts / np.maximum(wished, 1e-9)  # 1: the whole of a label's wished count
    scaled = scaled[:, wished > 0]
    best, best_distance = np.zeros(len(counts), bool), np.inf
    for _ in range(STARTS):
        held = _descend(scaled, _deal(counts, share, never, rng), never)
        distance = float(((scaled[held].sum(axis=0) - 1) ** 2).sum())
        if distance < best_distance - _LEAST_GAIN:
            best, best_distance = held, distance
    return best


def _deal(counts: Counts, share: float, never: Mask, rng: np.random.Generator) -> Mask:
    order = rng.permutation(len(counts))
    order = order[~never[order]]
    sizes = counts[order].sum(axis=1)
    held = np.zeros(len(counts), bool)
    held[order[np.cumsum(sizes) <= share * counts.sum()]] = True
    return held


def _descend(scaled: Counts, held: Mask, never: Mask) -> Mask:
    squares = (scaled**2).sum(axis=1)
    for _ in range(len(scaled)):
        error = scaled[held].sum(axis=0) - 1
        sign = np.where(held, -1.0, 1.0)
        gain = -(2 * sign * (scaled @ error) + squares)
        gain[never] = -np.inf
        best = int(np.argmax(gain))
        if gain[best] <= _LEAST_GAIN:
            break
        held = held.copy()
        held[best] = not held[best]
    return held
