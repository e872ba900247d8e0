"""Edges of a model's domain that run along an axis: boxes end on them, not a step beyond."""

from collections.abc import Callable, Sequence

import numpy as np

from app.pipelines.janus.cosmology.model import Array

Values = Callable[[Sequence[Array]], Array]
# log-posterior on the tensor grid of the axes, of shape (len of each)

HALVINGS = 50  # of the step that an edge is in


def up_to_edges(box: Array, values: Values, count: int, tail: float) -> Array:
    """The box (d, 2), each side moved to where the domain begins, if that is at one value of its
    parameter whatever the others are; where the edge is oblique, as it was.

    `count` points of each axis are looked at; lines of them count that come within `tail` of the
    highest log-posterior.
    """
    axes = [np.linspace(low, high, count) for low, high in box]
    found = values(axes)
    ends = box.copy()
    for axis in range(len(box)):
        lines = np.moveaxis(found, axis, 0)
        counts = np.asarray(lines.max(axis=0) >= found.max() - tail)
        for side, order in ((0, 1), (1, -1)):
            begins = np.asarray(np.argmax((lines > -np.inf)[::order], axis=0))[counts]
            if begins.min() == 0 or begins.min() != begins.max():
                continue
            outside, inside = axes[axis][::order][[begins[0] - 1, begins[0]]]
            ends[axis, side] = _edge(axes, axis, values, counts, outside, inside)
    return ends


def _edge(
    axes: Sequence[Array],
    axis: int,
    values: Values,
    counts: Array,
    outside: float,
    inside: float,
) -> float:
    """The last value from `outside` on, where none of the lines that count is in the domain."""
    for _ in range(HALVINGS):
        middle = 0.5 * (outside + inside)
        at = [*axes[:axis], np.array([middle]), *axes[axis + 1 :]]
        is_in = np.asarray(np.take(values(at), 0, axis=axis) > -np.inf)[counts]
        if is_in.all():
            inside = middle
        elif is_in.any():  # oblique, or as exact as the model can tell
            break
        else:
            outside = middle
    return float(outside)
