"""A proposal for the posterior, tempered or not: fitted to draws, with guards for its tails."""

import math

import numpy as np

from app.config.janus.sampler import Importance
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.samplers.mixture import TMixture, joined
from app.pipelines.janus.samplers.mixture_fit import fitted

GUARD_SHARE = 0.1  # of the mixture: its components for the tails
GUARD_BETA = 0.2  # of the posterior that the guards are for; 2.2 standard deviations of a Gaussian
GUARD_ROUNDS = 3  # of expectation maximisation for them


def proposal_for(
    found: Array,
    log_weight: Array,
    beta: float,
    components: int,
    df: float,
    rng: np.random.Generator,
    rounds: int,
    start: TMixture | None = None,
) -> TMixture:
    """For the posterior tempered by beta, and defensive components (Owen & Zhou 2000) for its
    tails, which follow them where they are curved: for one tempered by GUARD_BETA more.
    `found` (n, d + 1): theta and log-likelihood; `log_weight` at beta = 1."""
    theta, log_likelihood = found[:, :-1], found[:, -1]

    def weight(power: float) -> Array:
        return normalised(log_weight + (power - 1.0) * log_likelihood)

    mixture = fitted(theta, weight(beta), components, df, rng, rounds, start)
    few = math.ceil(components / 2)
    guard = fitted(theta, weight(GUARD_BETA * beta), few, df, rng, GUARD_ROUNDS)
    return joined([mixture, guard], [1.0 - GUARD_SHARE, GUARD_SHARE], guard.size)


def components_of(sampler: Importance, ndim: int) -> int:
    """Of a first mixture for so many parameters."""
    return sampler.components or min(2 + 2 * ndim, 12)


def normalised(log_weight: Array) -> Array:
    """The weights, which sum to 1."""
    weight = np.exp(log_weight - log_weight.max())
    scaled: Array = weight / weight.sum()
    return scaled
