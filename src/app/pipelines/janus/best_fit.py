"""The highest likelihood inside the prior, from the best draws on: to 1e-8 in chi2.

A likelihood that is smooth is climbed in batches (`newton`), in a fraction of the time that
methods take which ask for one vector after another; those are for what it leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.newton import Box, descended
from app.pipelines.janus.posterior import Posterior

STARTS = 4  # best draws that are climbed from, so that a second mode is not missed
AMONG = 1000  # highest draws that they are chosen of
APART = 2.0  # posterior standard deviations between them, at least
GAIN = 2.5e-9  # in ln L: half of 1e-8 in chi2, halved again; a round that gains less is idle
IDLE = 2  # rounds in a row that end the climb
ROUNDS = 30
SIMPLEX = 0.05  # posterior standard deviations
STEP = 1e-4  # of the numerical gradient, in posterior standard deviations
EDGE = 1e-12  # of a bound's own size, that the best fit stays inside by


@dataclass(frozen=True)
class BestFit:
    """`settled`: what is left to gain is less than 1e-8 in chi2, by gradient and curvature; or
    else the last two rounds, of two methods each, gained less."""

    theta: Array  # (d,)
    log_likelihood: float
    settled: bool


def best_fit(
    draws: Draws, posterior: Posterior, done: Callable[[float], None] = lambda share: None
) -> BestFit:
    """The maximum of the likelihood between the bounds of the prior, which has no other part in
    it. Each start is climbed by Newton's method. Where the highest of them does not come to an end
    so, those that did not are climbed by L-BFGS-B and Nelder-Mead in turn until neither gains: the
    one is exact where the likelihood is smooth and on bounds, the other where it ends inside of
    them.

    `done` is given the share of the starts that were climbed."""
    climb = _Climb.of(draws, posterior)
    box = Box(climb.low, climb.high, climb.covariance)
    starts, found = _starts(draws, climb), []
    for start in starts:
        inside = np.clip(start, climb.low, climb.high)
        found.append(descended(climb.cost, inside, box, GAIN))
        done(len(found) / len(starts))
    best = min(found, key=lambda one: one.value)
    if best.is_least:
        return BestFit(best.theta, -best.value, settled=True)
    further = [_climbed(climb, one.theta) for one in found if not one.is_least]
    return max(further, key=lambda fit: fit.log_likelihood)


@dataclass(frozen=True)
class _Climb:
    """`whitener` (d, d): theta = start + whitener @ y, y in posterior standard deviations."""

    posterior: Posterior
    low: Array
    high: Array
    sd: Array
    covariance: Array
    whitener: Array

    @classmethod
    def of(cls, draws: Draws, posterior: Posterior) -> "_Climb":
        theta, weight = draws.kept()
        centred = theta - weight @ theta
        covariance = (centred * weight[:, None]).T @ centred
        sd = np.sqrt(np.diag(covariance))
        sd = np.where(sd > 0.0, sd, 1.0)  # of one draw, or draws all equal: any step does
        correlation = covariance / np.outer(sd, sd)
        np.fill_diagonal(correlation, 1.0)
        values, vectors = np.linalg.eigh(correlation)
        whitener = sd[:, None] * vectors * np.sqrt(np.maximum(values, 1e-10))
        low, high = posterior.prior.bounds.T
        low = low + EDGE * np.where(np.isfinite(low), np.maximum(np.abs(low), sd), 0.0)
        high = high - EDGE * np.where(np.isfinite(high), np.maximum(np.abs(high), sd), 0.0)
        return cls(posterior, low, high, sd, correlation * np.outer(sd, sd), whitener)

    def cost(self, theta: Array) -> Array:
        """-ln L of (w, d), brought inside the bounds."""
        return -self.posterior.log_likelihood(np.clip(theta, self.low, self.high))

    def gradient(self, x: Array, centre: Array) -> tuple[float, Array]:
        """Cost and its gradient at centre + sd x, by differences within the bounds, one batch."""
        ndim = len(x)
        theta = centre + self.sd * x
        rows = np.repeat(theta[None], 2 * ndim + 1, axis=0)
        each = np.arange(ndim)
        rows[1 + each, each] += STEP * self.sd
        rows[1 + ndim + each, each] -= STEP * self.sd
        rows = np.clip(rows, self.low, self.high)
        values = self.cost(rows)
        span = (rows[1 + each, each] - rows[1 + ndim + each, each]) / self.sd
        with np.errstate(invalid="ignore"):  # both outside the domain
            slope = (values[1 : 1 + ndim] - values[1 + ndim :]) / span
        return float(values[0]), np.where(np.isfinite(slope), slope, 0.0)


def _starts(draws: Draws, climb: _Climb) -> list[Array]:
    theta, _ = draws.kept()
    log_likelihood = draws.kept_log_likelihood()
    highest = np.argsort(-log_likelihood, kind="stable")[:AMONG]
    white = np.linalg.solve(climb.whitener, theta[highest].T).T
    chosen: list[int] = []
    for i in range(len(highest)):
        if all(np.linalg.norm(white[i] - white[j]) > APART for j in chosen):
            chosen.append(i)
        if len(chosen) == STARTS:
            break
    return [theta[highest[i]] for i in chosen]


def _climbed(climb: _Climb, start: Array) -> BestFit:
    best = np.clip(start, climb.low, climb.high)
    least = float(climb.cost(best[None])[0])
    idle = 0
    for number in range(ROUNDS):
        before = least
        simplex = SIMPLEX * (-0.7) ** (number % 3)  # another one each time
        for there in (_by_gradient(climb, best), _by_simplex(climb, best, simplex)):
            inside = np.clip(there, climb.low, climb.high)
            cost = float(climb.cost(inside[None])[0])
            if cost < least:
                best, least = inside, cost
        idle = idle + 1 if before - least < GAIN else 0
        if idle == IDLE:
            return BestFit(best, -least, settled=True)
    return BestFit(best, -least, settled=False)


def _by_gradient(climb: _Climb, start: Array) -> Array:
    from scipy.optimize import Bounds, minimize

    bounds = Bounds((climb.low - start) / climb.sd, (climb.high - start) / climb.sd)
    found = minimize(
        climb.gradient,
        np.zeros(len(start)),
        args=(start,),
        method="L-BFGS-B",
        jac=True,
        bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 200},
    )
    return np.asarray(start + climb.sd * found.x)


def _by_simplex(climb: _Climb, start: Array, size: float) -> Array:
    from scipy.optimize import minimize

    ndim = len(start)
    corners = np.vstack([np.zeros(ndim), size * np.eye(ndim)])
    found = minimize(
        lambda y: float(climb.cost((start + climb.whitener @ y)[None])[0]),
        np.zeros(ndim),
        method="Nelder-Mead",
        options={
            "initial_simplex": corners,
            "xatol": 1e-6,
            "fatol": 0.1 * GAIN,
            "maxfev": 400 * ndim,
            "adaptive": ndim > 4,
        },
    )
    return np.asarray(start + climb.whitener @ found.x)
