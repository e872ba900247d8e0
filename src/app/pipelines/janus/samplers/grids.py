"""Tensor grids of Gauss-Legendre nodes: what is found on them, its integrals, and their errors.

A posterior that is smooth in its box: the error falls faster than any power of the nodes, and what
halving them changes is far above it. Where an edge of the model's domain runs through the box, each
line of nodes meets it at some place between two of them: the error is that of counting, as if at
random, and falls as 1/n to n^-3/2. Two grids may then agree by chance, so five are compared, and
the largest difference is taken half as much again (`EDGE_FACTOR`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.samplers.support import Box

BETWEEN = (0.625, 0.75, 0.875)  # of the nodes: grids that are compared too, where an edge is inside
EDGE_SHARE = 1e-6  # of the posterior, in nodes beside an edge: it cannot change more than that
EDGE_FACTOR = 1.5  # of 524 errors at oblique and round edges of known ln Z one was larger


@dataclass(frozen=True)
class Grid:
    """A tensor grid on each box: `axes` and `weights` of each, and what was found there."""

    axes: list[list[Array]]
    weights: list[list[Array]]
    log_likelihood: list[Array]
    log_prior: list[Array]

    @property
    def theta(self) -> Array:
        """(n, d), box after box."""
        return np.concatenate([_tensor(axes) for axes in self.axes])

    @property
    def log_mass(self) -> Array:
        """(n,): log(posterior x volume) of each node."""
        volumes = [np.log(_tensor(weights)).sum(axis=1) for weights in self.weights]
        found = zip(self.log_likelihood, self.log_prior, volumes, strict=True)
        return np.concatenate([likelihood + prior + own for likelihood, prior, own in found])


@dataclass(frozen=True)
class Integrals:
    """Of one grid. ln_z is -inf, and the rest NaN, where no node is in the domain."""

    ln_z: float
    mean: Array  # (d,)
    sd: Array  # (d,)


@dataclass(frozen=True)
class Errors:
    """`ln_z`; `mean`: in standard deviations; `sd`: relative; the worst parameter's each. NaN
    where they are not defined."""

    ln_z: float
    mean: float
    sd: float


def grid_on(
    boxes: Sequence[Box], nodes: int, found: Callable[[Sequence[Array]], tuple[Array, Array]]
) -> Grid:
    """So many nodes on each side of each box. `found`: axes -> log-likelihood and log-prior."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    axes = [[0.5 * (low + high) + 0.5 * (high - low) * at for low, high in box] for box in boxes]
    weights = [[0.5 * (high - low) * weight for low, high in box] for box in boxes]
    each = [found(own) for own in axes]
    return Grid(axes, weights, [one[0] for one in each], [one[1] for one in each])


def integrals_of(grid: Grid) -> Integrals:
    log_mass, theta = grid.log_mass, grid.theta
    top = float(log_mass.max())
    if top == -np.inf:
        nothing = np.full(theta.shape[1], np.nan)
        return Integrals(top, nothing, nothing)
    weight = np.exp(log_mass - top)
    total = weight.sum()
    mean = weight @ theta / total
    sd = np.sqrt(weight @ (theta - mean) ** 2 / total)
    return Integrals(float(np.logaddexp.reduce(log_mass)), mean, sd)


def edge_share(grid: Grid) -> float:
    """Share of the posterior in nodes that have one of density 0 beside them on some axis: about
    as much is uncertain where an edge of the domain passes between the two."""
    log_mass = grid.log_mass
    if log_mass.max() == -np.inf:
        return 1.0
    mass = np.exp(log_mass - np.logaddexp.reduce(log_mass))
    beside, first = 0.0, 0
    for axes in grid.axes:
        shape = tuple(len(axis) for axis in axes)
        own = mass[first : first + int(np.prod(shape))].reshape(shape)
        inside = log_mass[first : first + own.size].reshape(shape) > -np.inf
        at_edge = np.zeros(shape, dtype=bool)
        for axis in range(len(shape)):
            crossed = np.moveaxis(np.diff(inside, axis=axis), axis, 0)
            of_axis = np.moveaxis(at_edge, axis, 0)  # a view
            of_axis[:-1] |= crossed
            of_axis[1:] |= crossed
        beside += float(own[at_edge & inside].sum())
        first += own.size
    return beside


def errors_of(fine: Integrals, coarser: Sequence[Integrals], share: float) -> Errors:
    """Of `fine`, from grids with fewer nodes; `share`: the `edge_share` of the fine one, which is
    an error by itself where it is too small for other grids to be made."""
    factor, rest = (EDGE_FACTOR, 0.0) if share > EDGE_SHARE else (1.0, share)
    with np.errstate(divide="ignore", invalid="ignore"):
        ln_z = [abs(fine.ln_z - other.ln_z) for other in coarser]
        mean = [np.max(np.abs(fine.mean - other.mean) / fine.sd) for other in coarser]
        sd = [np.max(np.abs(other.sd / fine.sd - 1.0)) for other in coarser]
    return Errors(*(factor * float(np.max(each)) + rest for each in (ln_z, mean, sd)))


def _tensor(axes: Sequence[Array]) -> Array:
    """(n, d): every combination of the axes' values, the last running fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
