"""A Gaussian in place of a likelihood that takes long: samplers ask it for about as many points.

Its peak is found by a simplex from the best of some draws of the prior; a parabola is fitted to
points around it.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.estimates.cost import Cost, cost_of
from app.pipelines.janus.estimates.rehearsal import Asked
from app.pipelines.janus.posterior import Posterior

BATCHES = 60  # of a rehearsal, at least
DRAWS = 24  # of the prior for each parameter, to begin with
CALLS = 60  # of the simplex for each parameter, at most
NEAR = 0.1  # of the log-posterior: near enough to the peak
DROP = 1.0  # of the log-likelihood, that the points of the fit are below the peak, about
HALVINGS = 40
SHARE = 0.3  # of the prior's own widths: where widths are first tried


@dataclass(frozen=True)
class Played:
    """What is rehearsed: the posterior that is asked for, or a stand-in. `added_s`: what each of
    its evaluations would take longer. `told`: which it is."""

    asked: Asked
    added_s: float
    told: str


def played_for(asked: Asked, cost: Cost, limit_s: float, batches: int = BATCHES) -> Played:
    """A stand-in where so many batches, which a rehearsal needs to tell anything, take too long."""
    if batches * cost.batch_s <= limit_s:
        return Played(asked, 0.0, "on the likelihood itself")
    return replaced(asked, cost, limit_s)


def replaced(asked: Asked, cost: Cost, limit_s: float) -> Played:
    """A stand-in."""
    posterior, evaluations = stand_in(asked.posterior, asked.seed, limit_s)
    own = cost_of(posterior, cost.batch, asked.seed)
    return Played(
        replace(asked, posterior=posterior),
        max(cost.each_s - own.each_s, 0.0),
        f"on a Gaussian in place of the likelihood (found by {evaluations} evaluations), with the "
        "measured time of each evaluation",
    )


@dataclass(frozen=True)
class Parabola:
    """height + slope x - x H x / 2, x = theta - peak."""

    peak: Array
    height: float
    slope: Array
    curvature: Array  # (d, d)

    def __call__(self, theta: Array) -> Array:
        x = theta - self.peak
        value: Array = (
            self.height + x @ self.slope - 0.5 * np.einsum("wi,ij,wj->w", x, self.curvature, x)
        )
        return value


def stand_in(posterior: Posterior, seed: int, limit_s: float) -> tuple[Posterior, int]:
    """The same prior with a parabola for the log-likelihood, and the evaluations it took. The
    search for the peak ends after `limit_s`."""
    counted = replace(posterior, evaluations=0)
    rng = np.random.default_rng(seed)
    until = time.perf_counter() + limit_s
    drawn = counted.prior.draw(rng, DRAWS * counted.ndim)
    spread = drawn.std(axis=0)
    peak = _climbed(counted, drawn, spread, until)
    widths = _widths(counted, peak, SHARE * spread)
    parabola = _fitted(counted, peak, widths, rng)
    return Posterior(counted.prior, parabola, counted.identity), counted.evaluations


def _climbed(posterior: Posterior, drawn: Array, spread: Array, until: float) -> Array:
    from scipy.optimize import minimize

    value = posterior.log_prob(drawn)
    best = drawn[int(np.argmax(value))]
    highest, peak = float(value.max()), best
    scale = np.where(spread > 0.0, spread, 1.0)

    def cost(y: Array) -> float:
        nonlocal highest, peak
        if time.perf_counter() > until:
            raise StopIteration
        theta = (best + scale * y)[None]
        found = float(posterior.log_prob(theta)[0])
        if found > highest:
            highest, peak = found, theta[0]
        return -found if found > -np.inf else 1e300

    corners = np.vstack([np.zeros(len(best)), 0.2 * np.eye(len(best))])
    options = {
        "initial_simplex": corners, "fatol": NEAR, "xatol": np.inf, "maxfev": CALLS * len(best),
    }  # fmt: skip
    with suppress(StopIteration):  # its time is over
        minimize(cost, np.zeros(len(best)), method="Nelder-Mead", options=options)
    return np.asarray(peak, np.float64)


def _widths(posterior: Posterior, peak: Array, widths: Array) -> Array:
    """How far to go along each parameter for the log-likelihood to drop by `DROP`."""
    top = float(posterior.log_likelihood(peak[None])[0])
    axes = np.eye(len(peak))
    for _ in range(HALVINGS):
        points = np.concatenate([peak + widths * axes, peak - widths * axes])
        drops = (top - posterior.log_likelihood(points)).reshape(2, -1)
        drops = np.where(np.isfinite(drops), drops, np.nan)
        known = np.isfinite(drops).any(axis=0)
        drop = np.where(known, np.nan_to_num(drops, nan=-np.inf).max(axis=0), np.inf)
        far = drop > 4.0 * DROP
        if not far.any():
            break
        with np.errstate(divide="ignore"):
            shrink = np.clip(np.sqrt(DROP / drop), 0.05, 0.5)
        widths = np.where(far, widths * shrink, widths)
    return widths


def _fitted(posterior: Posterior, peak: Array, widths: Array, rng: np.random.Generator) -> Parabola:
    d = len(peak)
    terms = (d + 1) * (d + 2) // 2
    x = np.concatenate([np.zeros((1, d)), rng.normal(size=(3 * terms, d))])
    value = posterior.log_likelihood(peak + widths * x)
    possible = value > -np.inf
    x, value = x[possible], value[possible]
    first, second = np.triu_indices(d)
    design = np.column_stack([np.ones(len(x)), x, x[:, first] * x[:, second]])
    found = np.linalg.lstsq(design, value, rcond=None)[0]
    curvature = np.zeros((d, d))
    curvature[first, second] = -found[1 + d :]
    curvature = curvature + curvature.T  # of x^2: twice; of x y: once in each place
    values, vectors = np.linalg.eigh(curvature)
    curvature = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    return Parabola(
        peak, float(found[0]), found[1 : 1 + d] / widths, curvature / np.outer(widths, widths)
    )
