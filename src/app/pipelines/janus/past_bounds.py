"""Whether a user's own posterior goes on past the bounds of its priors.

A function that includes its prior is sampled between the bounds all the same. Where it has not
ended there by itself, the draws are of a part of it, and say so by nothing else.
"""

from dataclasses import replace

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.custom_posterior import OfFunction
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior

COUNT = 4000  # equally weighted draws that are looked at
WINDOW = 0.25  # posterior standard deviations, next to a bound
LEAST_SHARE = 0.005  # of the posterior in there: a Gaussian cut at 2.4 sd; a flat one has 7 %
PROBES = 4  # draws moved across a bound: one call of the function may take seconds
COMPARABLE = 2.0  # nats that the function may fall by, and still go on
LEAST_STEP = 1e-3  # of the window, that a draw is moved by past the bound


def cut_by_prior(draws: Draws, posterior: Posterior) -> list[str]:
    """A sentence for each parameter whose prior ends before the function does; [] for likelihoods,
    which end with their priors.

    Draws next to the bound are moved across it, as far outside as they were inside, and the
    function is asked there. Where it fails, or is -inf, it may well end, and nothing is said.
    """
    function = posterior.log_likelihood_of
    if not isinstance(function, OfFunction) or not function.includes_prior:
        return []
    log_prob = (draws.log_likelihood + draws.log_prior)[..., None]
    joined = replace(draws, theta=np.concatenate((draws.theta, log_prob), axis=-1))
    rows = joined.equally_weighted(COUNT, np.random.default_rng(0))
    found = []
    for column, name in enumerate(posterior.names):
        bounds = [float(bound) for bound in posterior.prior.bounds[column] if np.isfinite(bound)]
        past = [f"{bound:.6g}" for bound in bounds if _goes_on(function, rows, column, bound)]
        if past:
            found.append(
                f"{name} is cut at {' and '.join(past)} by its prior, and the log-probability goes "
                f"on past it: widen it (cosmology.prior.{name}, or prior.width), or have the prior "
                "added (cosmology.includes_prior=false)"
            )
    return found


def _goes_on(function: OfFunction, rows: Array, column: int, bound: float) -> bool:
    """Of rows (n, d + 1): draws, and the function's values there."""
    window = WINDOW * float(rows[:, column].std())
    distance = np.abs(rows[:, column] - bound)
    if not (distance < window).mean() > LEAST_SHARE:
        return False
    near = np.unique(rows[distance < window], axis=0)
    near = near[np.argsort(np.abs(near[:, column] - bound), kind="stable")[:PROBES]]
    inward = np.sign(float(rows[:, column].mean()) - bound)
    outside = near[:, :-1].copy()
    step = np.maximum(np.abs(near[:, column] - bound), LEAST_STEP * window)
    outside[:, column] = bound - inward * step
    return any(
        function.value_or_none(there) > value - COMPARABLE
        for there, value in zip(outside, near[:, -1], strict=True)
    )
