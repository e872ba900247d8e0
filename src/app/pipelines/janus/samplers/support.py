"""Where a posterior of few parameters is: boxes, found on grids from coarse to fine."""

import itertools
from collections.abc import Sequence
from functools import reduce

import numpy as np

from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Prior
from app.pipelines.janus.samplers.edges import Values, up_to_edges

Box = Array  # (d, 2)

COARSE = {1: 2049, 2: 161, 3: 45}  # points of an axis of the first grid, by number of parameters
FINE = {1: 65, 2: 33, 3: 21}  # of every grid after it
EDGE = 1e-12  # probability beyond which an unbounded prior is not looked at
LEVELS = 60
STILL = 0.8  # a box whose sides all shrink by less is found
RESOLVED = 10.0  # of log-posterior between neighbours at the top
MOST_BOXES = 16


def support_of(prior: Prior, values: Values, tail: float) -> list[Box]:
    """Boxes that do not overlap, beyond which the log-posterior is `tail` below its highest; they
    end on edges of the model's domain that run along an axis.

    Each grid keeps the points that are at most so far below its best one, plus what the best one
    differs from its neighbours by: by so much the grid may miss a peak between its points.

    Raises:
        ConfigError: the posterior is 0 at every point of the first grid.
    """
    d = len(prior.names)
    axes = _first_axes(prior)
    grids = [(axes, values(axes))]
    if not (grids[0][1] > -np.inf).any():
        raise ConfigError(
            f"prior: the likelihood is 0 at all {grids[0][1].size} points of a grid over the prior "
            f"of {', '.join(prior.names)}: the model does not exist there for these data; give it "
            "other bounds (prior.parameters.NAME)"
        )
    outer = [np.array([[axis[0], axis[-1]] for axis in axes])]
    for _ in range(LEVELS):
        best = max(float(found.max()) for _, found in grids)
        boxes = _apart([box for axes, found in grids for box in _islands(axes, found, best - tail)])
        if len(boxes) == len(outer) and all(
            (np.ptp(new, axis=1) > STILL * np.ptp(old, axis=1)).all()
            for old, new in zip(outer, boxes, strict=True)
        ):
            break
        outer = boxes
        grids = [(axes, values(axes)) for axes in (_axes_of(box, FINE[d]) for box in boxes)]
    return [up_to_edges(box, values, FINE[d], tail) for box in boxes]


def _first_axes(prior: Prior) -> list[Array]:
    """Over the whole prior: evenly in each parameter and evenly in its probability, with its
    ends."""
    d = len(prior.names)
    half = COARSE[d] // 2
    middles = (np.arange(half) + 0.5) / half
    ends = prior.transform(np.repeat([[EDGE], [1.0 - EDGE]], d, axis=1)).T
    bounds = np.where(np.isfinite(prior.bounds), prior.bounds, ends)
    by_probability = prior.transform(np.repeat(middles[:, None], d, axis=1)).T
    return [
        np.unique(np.concatenate([[low], low + (high - low) * middles, own, [high]]))
        for (low, high), own in zip(bounds, by_probability, strict=True)
    ]


def _axes_of(box: Box, count: int) -> list[Array]:
    return [np.linspace(low, high, count) for low, high in box]


def _islands(axes: Sequence[Array], found: Array, least: float) -> list[Box]:
    """A box around each island of points that are high enough, out to the next points."""
    from scipy.ndimage import find_objects, label

    if not (found > -np.inf).any():
        return []
    kept = found >= least - _unresolved(found)
    islands, _ = label(kept, np.ones((3,) * found.ndim))
    return [
        np.array(
            [
                [axis[max(own.start - 1, 0)], axis[min(own.stop, len(axis) - 1)]]
                for axis, own in zip(axes, island, strict=True)
            ]
        )
        for island in find_objects(islands)
    ]


def _unresolved(found: Array) -> float:
    """How much the best point differs from its neighbours, the axes taken together; 0 on a grid
    that is fine enough."""
    at = np.unravel_index(int(np.argmax(found)), found.shape)
    total = 0.0
    for axis, size in enumerate(found.shape):
        steps = [at[axis] + step for step in (-1, 1) if 0 <= at[axis] + step < size]
        near = [float(found[(*at[:axis], step, *at[axis + 1 :])]) for step in steps]
        total += max((found[at] - value for value in near if value > -np.inf), default=0.0)
    return total if total > RESOLVED else 0.0


def _apart(boxes: list[Box]) -> list[Box]:
    """Boxes that overlap or touch are joined; all of them, where they are too many."""
    if len(boxes) > MOST_BOXES:
        return [reduce(_around, boxes)]
    while True:
        for one, other in itertools.combinations(range(len(boxes)), 2):
            if _meet(boxes[one], boxes[other]):
                joined = _around(boxes[one], boxes[other])
                boxes = [box for i, box in enumerate(boxes) if i not in (one, other)] + [joined]
                break
        else:
            return sorted(boxes, key=lambda box: tuple(box[:, 0]))


def _meet(one: Box, other: Box) -> bool:
    return bool(((one[:, 0] <= other[:, 1]) & (other[:, 0] <= one[:, 1])).all())


def _around(one: Box, other: Box) -> Box:
    return np.column_stack([np.minimum(one[:, 0], other[:, 0]), np.maximum(one[:, 1], other[:, 1])])
