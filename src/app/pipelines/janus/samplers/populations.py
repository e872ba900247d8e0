"""How one population finds the posterior: from the prior, by tempering.

Tempered posteriors prior x L^beta go from beta = 0 to 1 as fast as the draws so far can be weighted
(Del Moral, Doucet & Jasra 2006): a posterior that fills 1e-6 of its prior, or has several modes, is
closed in on from all sides. Populations share nothing until then.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.config.janus.sampler import Importance
from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.guarded_fit import components_of, normalised, proposal_for
from app.pipelines.janus.samplers.pool import Pool, generator_of

PRIOR_BATCHES = 50  # of draws from the prior until enough of them have a likelihood above 0
OF_PRIOR = 1024  # draws in a batch of the prior, for each parameter
TEMPERED = 128  # the same afterwards, times 3 for each parameter: so that no mode is lost
ENOUGH = 0.2  # of a batch: effective draws by which beta grows
ROUNDS = 3  # of expectation maximisation for each fit: the next posterior is another one


@dataclass(frozen=True)
class Population:
    """What one population goes on from.

    `rng`: state of its generator. `beta`: of the posterior that the last mixture of its `pool` is
    for (0: the prior); at 1 it has found the posterior.
    """

    rng: Mapping[str, Any]
    beta: float = 0.0
    batches: int = 0
    stalls: int = 0  # batches since beta last grew
    pool: Pool = field(default_factory=Pool)

    @property
    def is_done(self) -> bool:
        return self.beta >= 1.0

    def as_state(self) -> dict[str, Any]:
        """For a checkpoint: JSON; the arrays are those of its pool."""
        return {
            "rng": self.rng,
            "beta": self.beta,
            "batches": self.batches,
            "stalls": self.stalls,
            "pool": self.pool.as_state(),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, Array], state: Mapping[str, Any], df: float) -> "Population":
        """What `as_state` made, with the arrays of its pool."""
        pool = Pool.of(arrays, state["pool"], df)
        return cls(state["rng"], state["beta"], state["batches"], state["stalls"], pool)


def tempered(own: Population, posterior: Posterior, sampler: Importance) -> Population:
    """The population, one batch of evaluations closer to the posterior.

    Raises:
        ConfigError: the likelihood is 0 at every draw from the prior.
    """
    rng, d = generator_of(own.rng), posterior.ndim
    count = min(sampler.batch, OF_PRIOR * d)
    if own.pool.mixtures:
        count = min(sampler.batch, TEMPERED * 3**d)
    pool, _ = own.pool.extended(posterior, rng, count)
    own = replace(own, batches=own.batches + 1, pool=pool)
    assert pool.sample is not None
    if len(pool.sample) >= 2 * (d + 2):
        own = _hotter(own, posterior, sampler, rng, count)
    elif own.batches >= PRIOR_BATCHES:
        raise _no_likelihood(len(pool.sample), sum(pool.drawn), posterior)
    return replace(own, rng=rng.bit_generator.state)


def _hotter(
    own: Population,
    posterior: Posterior,
    sampler: Importance,
    rng: np.random.Generator,
    count: int,
) -> Population:
    """Goes on to the highest beta for which the draws so far still tell enough."""
    d, found = posterior.ndim, own.pool.sample
    assert found is not None
    log_likelihood, log_weight = found[:, d], own.pool.log_weight(d)
    enough = min(max(ENOUGH * count, 2 * d * (d + 3)), len(found) / 3) * 0.7**own.stalls
    beta = _next_beta(log_likelihood, log_weight, own.beta, enough)
    mixture = proposal_for(
        found[:, : d + 1], log_weight, beta, components_of(sampler, d), sampler.df, rng, ROUNDS
    )
    has_grown = beta >= 1.0 or beta > 1.1 * own.beta
    # At the end its draws have told all that they can
    pool = Pool((mixture,), (0, 0)) if beta >= 1.0 else own.pool.with_mixture(mixture)
    return replace(own, beta=beta, stalls=0 if has_grown else own.stalls + 1, pool=pool)


def _no_likelihood(found: int, count: int, posterior: Posterior) -> ConfigError:
    return ConfigError(
        f"prior: the likelihood is above 0 at {found} of {count} draws from the prior of "
        f"{', '.join(posterior.names)}: too few to begin with; the model does not exist there for "
        "these data, so give it other bounds (prior.parameters.NAME)"
    )


def _next_beta(log_likelihood: Array, log_weight: Array, beta: float, enough: float) -> float:
    """The highest beta, up to 1, at which the draws are worth `enough`; no lower than it is."""

    def worth(trial: float) -> float:
        weight = normalised(log_weight + (trial - 1.0) * log_likelihood)
        return 1.0 / float(weight @ weight)

    if worth(1.0) >= enough:
        return 1.0
    spread = float(np.ptp(log_likelihood)) or 1.0
    low, high, close = beta, 1.0, 1.02
    if beta == 0.0:  # by factors: the first may be 1e-12
        low, close = min(1e-3 / spread, 1e-3), 1.05
    while high / low > close:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if worth(middle) >= enough else (low, middle)
    return low
