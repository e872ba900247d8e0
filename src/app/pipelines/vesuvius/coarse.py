"""Coarse-to-fine search over the penalties of the grid.

First every other l1 and every other l2, the extremes of an odd number included; then, for the best
of those, the candidates next to them in l1 and l2.
"""

from collections.abc import Sequence

import numpy as np

from app.pipelines.vesuvius.grid import Candidate


def coarse(tried: Sequence[Candidate]) -> list[Candidate]:
    """Those to begin with, in the grid's order: every meta-neuron and repeat, every other
    penalty."""
    l1, l2 = _places(tried)
    return [each for each in tried if l1[each.l1] % 2 == 0 and l2[each.l2] % 2 == 0]


def finer(tried: Sequence[Candidate], scores: np.ndarray, keep: int) -> list[Candidate]:
    """Those beside the `keep` best, of the same meta-neuron and repeat, in the grid's order.

    Args:
        tried: all of the grid.
        scores: (N,) by candidate index, lower is better; nan: not fitted yet. The fitted ones are
            not given again. Of equals the earlier is better.
    """
    l1, l2 = _places(tried)
    fitted = [each for each in tried if not np.isnan(scores[each.index])]
    best = sorted(fitted, key=lambda each: (scores[each.index], each.index))[:keep]

    def beside(each: Candidate, other: Candidate) -> bool:
        return (
            (each.meta_neuron, each.repeat) == (other.meta_neuron, other.repeat)
            and abs(l1[each.l1] - l1[other.l1]) <= 1
            and abs(l2[each.l2] - l2[other.l2]) <= 1
        )

    return [
        each
        for each in tried
        if np.isnan(scores[each.index]) and any(beside(each, other) for other in best)
    ]


def _places(tried: Sequence[Candidate]) -> tuple[dict[float, int], dict[float, int]]:
    """Where each l1 and each l2 stands among the grid's."""
    l1, l2 = {each.l1 for each in tried}, {each.l2 for each in tried}
    return (
        {value: place for place, value in enumerate(sorted(l1))},
        {value: place for place, value in enumerate(sorted(l2))},
    )
