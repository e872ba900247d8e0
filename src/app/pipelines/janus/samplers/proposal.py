"""The proposal that all draws come from: fitted to the posterior that the populations found.

First it is what they found, all together, so that what one of them found is covered for all. Then
it is fitted anew to all draws so far, until the perplexity of its weights, exp(entropy)/draws
(Cappe et al. 2008), grows no more. Then it is frozen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.config.janus.sampler import Importance
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.guarded_fit import components_of, normalised, proposal_for
from app.pipelines.janus.samplers.mixture import TMixture, joined
from app.pipelines.janus.samplers.pool import Pool, generator_of

GOOD = 0.9  # perplexity that no refit improves worth its time
STABLE = 0.015  # growth of the perplexity by a refit that is worth no other
FAIR = 0.4  # effective share of draws below which a stable perplexity is not trusted
MORE = 2  # components that each refit may add, for each parameter, where draws weigh too much
ROUNDS = 8  # of expectation maximisation for each fit


@dataclass(frozen=True)
class Proposal:
    """What the common proposal goes on from.

    `rng`: state of its generator. `perplexities`: of the batches of each mixture of its `pool`,
    since it was last taken up. Of a frozen one only the best mixture is left, and no draws.
    """

    rng: Mapping[str, Any]
    perplexities: tuple[float, ...] = ()
    is_frozen: bool = False
    thaws: int = 0  # how often it was taken up again
    pool: Pool = field(default_factory=Pool)

    @property
    def mixture(self) -> TMixture:
        """The best so far."""
        return self.pool.mixtures[-1]

    def as_state(self) -> dict[str, Any]:
        """For a checkpoint: JSON; the arrays are those of its pool."""
        return {
            "rng": self.rng,
            "perplexities": self.perplexities,
            "is_frozen": self.is_frozen,
            "thaws": self.thaws,
            "pool": self.pool.as_state(),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, Array], state: Mapping[str, Any], df: float) -> "Proposal":
        """What `as_state` made, with the arrays of its pool."""
        pool = Pool.of(arrays, state["pool"], df)
        told = tuple(state["perplexities"])
        return cls(state["rng"], told, state["is_frozen"], state["thaws"], pool)


def improved(
    own: Proposal, found: Sequence[TMixture], posterior: Posterior, sampler: Importance
) -> Proposal:
    """The proposal, one batch of evaluations better, or frozen. `found`: by the populations."""
    rng, before = generator_of(own.rng), own.pool
    if not before.mixtures:
        before = before.with_mixture(joined(found, [1.0 / len(found)] * len(found)))
    pool, log_weight = before.extended(posterior, rng, sampler.batch)
    told = (*own.perplexities, _perplexity(log_weight, sampler.batch))
    learned = replace(own, perplexities=told, pool=pool)
    if pool.sample is not None and len(pool.sample):
        learned = _refitted(learned, pool.sample, posterior.ndim, sampler, rng)
    elif len(told) > sampler.adaptations:  # the draws will say what is wrong with it
        learned = replace(learned, is_frozen=True)
    return replace(learned, rng=rng.bit_generator.state)


def thawed(own: Proposal, rows: Array, sampler: Importance) -> Proposal:
    """A frozen proposal taken up again, to learn from what it has drawn: rows of `batch_of`."""
    rng, d = generator_of(own.rng), own.mixture.ndim
    pool = own.pool.with_draws(rows)
    learned = replace(own, is_frozen=False, thaws=own.thaws + 1, perplexities=(), pool=pool)
    assert pool.sample is not None
    learned = _refitted(learned, pool.sample, d, sampler, rng)
    return replace(learned, rng=rng.bit_generator.state)


def _refitted(
    own: Proposal, sample: Array, d: int, sampler: Importance, rng: np.random.Generator
) -> Proposal:
    told, pool, log_weight = own.perplexities, own.pool, own.pool.log_weight(d)
    efficiency = _efficiencies(sample[:, d + 1], sample[:, d + 3 :], log_weight, sum(pool.drawn))
    best = int(np.argmax(efficiency))
    if told:
        is_stable = len(told) > 2 and told[-1] - max(told[:-1]) <= STABLE
        is_good = told[-1] > GOOD or (is_stable and efficiency[best] > FAIR)
        if is_good or len(told) > sampler.adaptations:
            return replace(own, is_frozen=True, pool=Pool((pool.mixtures[best],), (0, 0)))
    # What the populations found has no guards and too many components: fits begin without it
    start = pool.mixtures[best] if pool.mixtures[best].guards else None
    components = components_of(sampler, d)
    if sampler.components is None and start is not None:
        components = max(components, start.size - start.guards) + MORE * d
    mixture = proposal_for(
        sample[:, : d + 1],
        log_weight,
        1.0,
        components,
        sampler.df,
        rng,
        ROUNDS,
        start=start,
    )
    return replace(own, pool=pool.with_mixture(mixture))


def _efficiencies(log_posterior: Array, densities: Array, log_weight: Array, count: int) -> Array:
    """(T,): the effective share of draws that each of T proposals would give, from `count` draws of
    all of them: Z / E[posterior/proposal], the mean over the posterior."""
    total = np.logaddexp.reduce(log_weight)
    ratios = (log_weight - total + log_posterior)[:, None] - densities
    value: Array = np.exp(total - np.log(count) - np.logaddexp.reduce(ratios, axis=0))
    return value


def _perplexity(log_weight: Array, count: int) -> float:
    """exp(entropy) of the weights, over `count` draws: 1 where all of them weigh the same."""
    if not len(log_weight):
        return 0.0
    weight = normalised(log_weight)
    weight = weight[weight > 0.0]
    return float(np.exp(-(weight @ np.log(weight)))) / count
