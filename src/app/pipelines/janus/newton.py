"""The least value of a function within bounds, by Newton's method, whole batches at a time.

A likelihood takes several times as long for one vector alone as for each of many. Gradient and
Hessian are differences of one batch, steps of all dampings (Levenberg 1944, Marquardt 1963) are
another one, of which the best is taken. A parameter on a bound is held there as long as the
function rises from it; near a bound the logarithm of the distance to it takes its place, in which
a function is smooth that goes to infinity there as a power or a logarithm, as volumes do where a
model of the expansion ends.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.pipelines.janus.cosmology.model import Array, Mask

STEP = 1e-3  # of curvatures, in standard deviations along the axes of the draws
SHORTER = 0.1  # of it, of slopes: curvature jumps where a residual with two errors changes sign
NEAR = 0.3  # standard deviations from a bound
INWARD = STEP * np.array([1.0, 1e-3, 1e-6])  # standard deviations, from a bound
FURTHEST = 20.0  # step of a logarithm
DAMPINGS = np.array([0.0, *10.0 ** np.arange(-3.0, 5.0)])
ROUNDS = 100
FLAT = 1e-4  # curvature, in ln L for one standard deviation: less may be rounding


@dataclass(frozen=True)
class Box:
    """Where, and in which units: `covariance` (d, d) is that of draws around the least value."""

    low: Array
    high: Array
    covariance: Array

    @property
    def sd(self) -> Array:
        found: Array = np.sqrt(np.diag(self.covariance))
        return found


@dataclass(frozen=True)
class Least:
    """`is_least`: the gradient is 0 and no curvature negative, to within a value of `gain`; where
    parameters are on a bound, of the others, and the function rises from there."""

    theta: Array
    value: float
    is_least: bool


def descended(cost: Callable[[Array], Array], start: Array, box: Box, gain: float) -> Least:
    """From `start` on, which is inside, until no step gains more than `gain`. Not to its end where
    a derivative is not defined: the function ends inside the bounds."""
    theta, value = start, float(cost(start[None])[0])
    for _ in range(ROUNDS):
        held = (theta <= box.low) | (theta >= box.high)
        chart = _Chart.at(theta, held, box)
        u = chart.of(theta)
        axes = _axes(box.covariance, ~held & ~chart.is_log, chart.is_log)
        rows, step = _stencil(u, axes, chart, box)
        beside = np.concatenate([_inward(theta, held, box), _outward(theta, chart)])
        values = cost(np.concatenate([chart.theta(rows), beside]))
        slope, curvature = _derivatives(values[: len(rows)], step, axes.shape[1])
        if not (np.isfinite(slope).all() and np.isfinite(curvature).all()):
            return Least(theta, value, is_least=False)
        principal, turned = np.linalg.eigh(curvature)
        along = turned.T @ slope
        size = np.maximum(np.abs(principal), FLAT)
        shifts = along / (size + DAMPINGS[:, None] * size.max(initial=FLAT))
        moves = shifts @ (axes @ turned).T
        moves[:, chart.is_log] = np.clip(moves[:, chart.is_log], -FURTHEST, FURTHEST)
        steps = np.clip(chart.theta(u - moves), box.low, box.high)
        candidates = np.concatenate([beside, steps])
        reached = np.concatenate([values[len(rows) :], cost(steps)])
        best = int(np.argmin(reached))
        gained = value - float(reached[best])
        if gained > 0.0:
            theta, value = candidates[best], float(reached[best])
        if gained <= gain:
            promised = 0.5 * float((along**2 / size).sum())
            is_convex = bool((principal > -FLAT).all())
            return Least(theta, value, is_least=promised <= gain and is_convex)
    return Least(theta, value, is_least=False)


@dataclass(frozen=True)
class _Chart:
    """theta = edge + side exp(u) for the parameters that are near a bound, theta = u for others."""

    is_log: Mask
    edge: Array
    side: Array

    @classmethod
    def at(cls, theta: Array, held: Mask, box: Box) -> "_Chart":
        is_low = theta - box.low <= box.high - theta
        edge = np.where(is_low, box.low, box.high)
        is_log = ~held & (np.abs(theta - edge) < NEAR * box.sd)
        return cls(is_log, edge, np.where(is_low, 1.0, -1.0))

    def of(self, theta: Array) -> Array:
        apart = np.where(self.is_log, np.abs(theta - self.edge), 1.0)
        return np.where(self.is_log, np.log(apart), theta)

    def theta(self, u: Array) -> Array:
        apart = np.exp(np.where(self.is_log, u, 0.0))
        return np.where(self.is_log, self.edge + self.side * apart, u)


def _inward(theta: Array, held: Mask, box: Box) -> Array:
    """(n, d): steps away from each bound that is touched."""
    columns = np.repeat(np.flatnonzero(held), len(INWARD))
    rows = np.repeat(theta[None], len(columns), axis=0)
    each = np.arange(len(columns))
    towards = np.where(theta[columns] <= box.low[columns], 1.0, -1.0)
    sizes = np.tile(INWARD, len(columns) // len(INWARD))
    rows[each, columns] += towards * sizes * box.sd[columns]
    return np.clip(rows, box.low, box.high)


def _outward(theta: Array, chart: _Chart) -> Array:
    """(n, d): onto each bound that is near."""
    columns = np.flatnonzero(chart.is_log)
    rows = np.repeat(theta[None], len(columns), axis=0)
    rows[np.arange(len(columns)), columns] = chart.edge[columns]
    return rows


def _axes(covariance: Array, free: Mask, is_log: Mask) -> Array:
    """(d, f): directions of the free parameters in which the draws, the others held, have a
    standard deviation of 1; and those of the logarithms, by themselves."""
    d = len(free)
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    precision = (vectors / np.maximum(values, 1e-10)) @ vectors.T
    own, turned = np.linalg.eigh(precision[np.ix_(free, free)])
    axes = np.zeros((d, int(free.sum())))
    axes[free] = sd[free, None] * turned / np.sqrt(own)
    return np.concatenate([axes, np.eye(d)[:, is_log]], axis=1)


def _stencil(u: Array, axes: Array, chart: _Chart, box: Box) -> tuple[Array, float]:
    """Centre; a step ahead and back along each axis and along the sum of each two; shorter ones
    along each axis; and the step, so short that all of them are inside."""
    first, second = np.triu_indices(axes.shape[1], 1)
    ahead = np.concatenate([axes.T, (axes[:, first] + axes[:, second]).T])
    room = np.where(chart.is_log, np.inf, np.minimum(u - box.low, box.high - u))
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = np.where(ahead != 0.0, room / np.abs(ahead), np.inf)
    step = float(min(STEP, fits.min(initial=np.inf)))
    short = SHORTER * step * axes.T
    rows = [u[None], u + step * ahead, u - step * ahead, u + short, u - short]
    return np.concatenate(rows), step


def _derivatives(values: Array, step: float, f: int) -> tuple[Array, Array]:
    """Gradient (f,) and Hessian (f, f) along the axes."""
    centre, (after, before) = values[0], values[-2 * f or len(values) :].reshape(2, -1)
    ahead, back = values[1 : len(values) - 2 * f].reshape(2, -1)
    with np.errstate(invalid="ignore"):  # of infinite values
        slope = (after - before) / (2.0 * SHORTER * step)
        second = (ahead + back - 2.0 * centre) / step**2
        curvature = np.diag(second[:f])
        i, j = np.triu_indices(f, 1)
        curvature[i, j] = curvature[j, i] = 0.5 * (second[f:] - second[i] - second[j])
    return slope, curvature
