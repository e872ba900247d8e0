"""The candidates of the elastic-net grid, and what each meta-neuron sees of the data.

A meta-neuron is one view of the problem: it leaves out its own fold of the rows, sees its own
seeded share of the design's columns and starts from its own weights, so that nine of them are nine
problems and not one nine times over. Each is fitted with every pair of penalties, in each repeat.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from app.config.vesuvius.training import Grid


@dataclass(frozen=True)
class Candidate:
    """One fit of the grid."""

    index: int  # in the grid's order
    meta_neuron: int
    l1: float
    l2: float
    repeat: int
    seed: int  # of its meta-neuron in its repeat: the same for all penalties


@dataclass(frozen=True)
class Problem:
    """What a meta-neuron sees in a repeat."""

    meta_neuron: int
    repeat: int
    left_out: tuple[int, int]  # rows from, to; (0, 0): none
    columns: np.ndarray  # (d,) bool: those it may use
    weights: np.ndarray  # (d, K) float64: the first ones; 0 in columns it may not use


Problems = Mapping[tuple[int, int], Problem]  # (meta_neuron, repeat) ->


def candidates(grid: Grid, seed: int) -> list[Candidate]:
    """Repeats, in each the meta-neurons, in each l1 and then l2 from the largest down."""
    pairs = [
        (repeat, meta_neuron, l1, l2)
        for repeat in range(grid.repeats)
        for meta_neuron in range(grid.meta_neurons)
        for l1 in sorted(grid.l1, reverse=True)
        for l2 in sorted(grid.l2, reverse=True)
    ]
    return [
        Candidate(index, meta_neuron, l1, l2, repeat, seed_of(seed, meta_neuron, repeat))
        for index, (repeat, meta_neuron, l1, l2) in enumerate(pairs)
    ]


def seed_of(seed: int, meta_neuron: int, repeat: int) -> int:
    """Does not move when the grid grows."""
    text = f"{seed} meta-neuron {meta_neuron} repeat {repeat}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def problems(
    grid: Grid, tried: Iterable[Candidate], rows: int, columns: int, classes: int
) -> Problems:
    """The problem of each (meta_neuron, repeat) there is a candidate of.

    Args:
        rows: n of the training rows, which were shuffled: a fold is a run of them.
        columns: d of the design.
        classes: K.
    """
    seeds = {(each.meta_neuron, each.repeat): each.seed for each in tried}
    return {
        (meta_neuron, repeat): _problem(grid, meta_neuron, repeat, seed, (rows, columns, classes))
        for (meta_neuron, repeat), seed in seeds.items()
    }


def _problem(
    grid: Grid, meta_neuron: int, repeat: int, seed: int, shape: tuple[int, int, int]
) -> Problem:
    rows, columns, classes = shape
    total = grid.meta_neurons
    left_out = (0, 0)
    if grid.leave_out and total > 1:
        left_out = (meta_neuron * rows // total, (meta_neuron + 1) * rows // total)
    rng = np.random.default_rng(seed)
    seen = np.zeros(columns, bool)
    seen[rng.permutation(columns)[: max(1, round(grid.column_share * columns))]] = True
    weights = grid.init_scale * rng.standard_normal((columns, classes)) + 0.0  # never -0.0
    weights[~seen] = 0.0
    return Problem(meta_neuron, repeat, left_out, seen, weights)


def fingerprint(candidate: Candidate, problem: Problem, first_weights: bool = True) -> str:
    """A hash of all a fit follows from, beside the rows and the solver.

    Args:
        first_weights: whether they matter; at the optimum they do not.
    """
    content = sha256(f"{candidate.l1!r} {candidate.l2!r} {problem.left_out}".encode())
    content.update(problem.columns.tobytes())
    if first_weights:
        content.update(np.ascontiguousarray(problem.weights, "<f8").tobytes())
    return content.hexdigest()


def solved_as(
    tried: Sequence[Candidate], of: Problems, first_weights: bool = True
) -> dict[int, int]:
    """Candidate index -> index of the first candidate that is the same fit (often itself)."""
    first: dict[str, int] = {}
    return {
        each.index: first.setdefault(
            fingerprint(each, of[each.meta_neuron, each.repeat], first_weights), each.index
        )
        for each in tried
    }


def batches(tried: Sequence[Candidate], width: int) -> list[Sequence[Candidate]]:
    """The first candidate alone, so that a result exists early, then `width` at a time."""
    rest = tried[1:]
    return [tried[:1], *(rest[at : at + width] for at in range(0, len(rest), width))]
