"""How the proposal of one population finds the posterior: from the prior, by tempering, to a
mixture that is frozen.

Tempered posteriors prior x L^beta go from beta = 0 to 1 as fast as the draws at hand can be
weighted (Del Moral, Doucet & Jasra 2006): a posterior that fills 1e-6 of its prior, or has several
modes, is closed in on from all sides. Then the mixture is fitted to the posterior itself until the
perplexity of its weights, exp(entropy)/draws (Cappe et al. 2008), changes no more.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.config.janus.sampler import Importance
from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior, Prior
from app.pipelines.janus.samplers.mixture import (
    GUARD_ROUNDS,
    TMixture,
    fitted,
    guarded,
    systematic,
)

PRIOR_SHARE = 0.02  # of draws that come from the prior, so that every weight has a bound
PRIOR_BATCHES = 50  # of draws from the prior until enough of them have a likelihood above 0
STABLE = 0.01  # relative change of the perplexity between two batches
GOOD = 0.9  # perplexity that no refit improves worth its time
ENOUGH = 0.15  # effective share of draws by which beta grows
GUARD_BETA = 0.2  # of the posterior that the guards are for; 2.2 standard deviations of a Gaussian
FAIR = 0.4  # effective share of draws below which a stable perplexity is not trusted
MORE = 2  # components that each refit may add, where draws weigh too much
ROUNDS = 10  # of expectation maximisation for each fit
TEMPERED_ROUNDS = 2  # the same while tempering: the next posterior is another one


@dataclass(frozen=True)
class Population:
    """What one population goes on from.

    `rng`: state of its generator. `beta`: of the posterior its next batch is drawn for (0: the
    prior). `proposals`: of that beta so far; the next batch comes from the last. `perplexities`:
    of the batches at beta = 1. `sample`: what it learns from, (n, d + 2 + proposals): theta,
    log-likelihood, log-posterior, and the log-density of each proposal (before the first: none),
    where the likelihood is above 0. Of a frozen one only the best proposal is left.
    """

    rng: Mapping[str, Any]
    beta: float = 0.0
    batches: int = 0
    stalls: int = 0  # batches since beta last grew
    perplexities: tuple[float, ...] = ()
    is_frozen: bool = False
    proposals: tuple[TMixture, ...] = ()
    sample: Array | None = None

    def arrays(self) -> dict[str, Array]:
        """For a checkpoint."""
        kept = {} if self.sample is None else {"sample": self.sample}
        for number, mixture in enumerate(self.proposals):
            kept[f"weights {number}"] = mixture.weights
            kept[f"means {number}"] = mixture.means
            kept[f"factors {number}"] = mixture.factors
        return kept

    def as_state(self) -> dict[str, Any]:
        """For a checkpoint: JSON."""
        return {
            "rng": self.rng,
            "beta": self.beta,
            "batches": self.batches,
            "stalls": self.stalls,
            "perplexities": self.perplexities,
            "is_frozen": self.is_frozen,
            "guards": [mixture.guards for mixture in self.proposals],
        }

    @classmethod
    def of(cls, arrays: Mapping[str, Array], state: Mapping[str, Any], df: float) -> "Population":
        """What `arrays` and `as_state` made."""
        proposals = (
            TMixture(
                arrays[f"weights {number}"],
                arrays[f"means {number}"],
                arrays[f"factors {number}"],
                df,
                guards,
            )
            for number, guards in enumerate(state["guards"])
        )
        return cls(
            rng=state["rng"],
            beta=state["beta"],
            batches=state["batches"],
            stalls=state["stalls"],
            perplexities=tuple(state["perplexities"]),
            is_frozen=state["is_frozen"],
            proposals=tuple(proposals),
            sample=arrays.get("sample"),
        )


def first_populations(seed: int, count: int) -> tuple[Population, ...]:
    """Populations that share nothing, not even random numbers."""
    seeds = np.random.SeedSequence(seed).spawn(count)
    return tuple(Population(np.random.PCG64(own).state) for own in seeds)


def generator_of(own: Population) -> np.random.Generator:
    """Its random numbers, from where they are."""
    bits = np.random.PCG64()
    bits.state = own.rng  # type: ignore[assignment]  # as it came back from JSON
    return np.random.Generator(bits)


def batch_of(
    proposal: TMixture, posterior: Posterior, rng: np.random.Generator, count: int
) -> Array:
    """(count, d + 3): theta, log-likelihood, log-prior, log(posterior/proposal), of draws from the
    proposal and, a few, from the prior."""
    shares = np.array([1.0 - PRIOR_SHARE, PRIOR_SHARE])
    own, of_prior = systematic(shares, count, rng).tolist()
    theta = np.concatenate([proposal.draw(rng, own), posterior.prior.draw(rng, of_prior)])
    likelihood, prior = posterior.both(theta)
    density = _log_density(proposal, theta, prior)
    return np.column_stack([theta, likelihood, prior, likelihood + prior - density])


def _log_density(proposal: TMixture, theta: Array, log_prior: Array) -> Array:
    density: Array = np.logaddexp(
        math.log(1.0 - PRIOR_SHARE) + proposal.log_density(theta),
        math.log(PRIOR_SHARE) + log_prior,
    )
    return density


def adapted(own: Population, posterior: Posterior, sampler: Importance) -> Population:
    """The population, one batch of evaluations further.

    Raises:
        ConfigError: the likelihood is 0 at every draw from the prior.
    """
    rng, d = generator_of(own), posterior.ndim
    if own.proposals:
        rows = batch_of(own.proposals[-1], posterior, rng, sampler.batch)
        rows = rows[rows[:, d] > -np.inf]
        density = rows[:, d] + rows[:, d + 1] - rows[:, d + 2]
    else:
        theta = _stratified(posterior.prior, rng, sampler.batch)
        likelihood, density = posterior.both(theta)
        likely = likelihood > -np.inf
        rows, density = np.column_stack([theta, likelihood, density])[likely], density[likely]
    found = np.column_stack([rows[:, : d + 1], rows[:, d] + rows[:, d + 1], density])
    own = replace(own, batches=own.batches + 1)
    if own.beta < 1.0:
        learned = _tempered(own, found, posterior, sampler, rng)
    else:
        learned = _improved(own, found, posterior, sampler, rng)
    return replace(learned, rng=rng.bit_generator.state)


def _stratified(prior: Prior, rng: np.random.Generator, count: int) -> Array:
    """(count, d) from the prior, evenly spread in each parameter (a Latin hypercube)."""
    cells = np.array([rng.permutation(count) for _ in prior.names]).T
    return prior.transform((cells + rng.random(cells.shape)) / count)


def _tempered(
    own: Population,
    found: Array,
    posterior: Posterior,
    sampler: Importance,
    rng: np.random.Generator,
) -> Population:
    """Goes on to the highest beta for which the draws at hand still tell enough."""
    d = posterior.ndim
    if own.sample is not None:
        found = np.concatenate([own.sample, found])
    if len(found) < 2 * (d + 2):  # more of the same
        if not own.proposals and own.batches >= PRIOR_BATCHES:
            raise _no_likelihood(len(found), own.batches * sampler.batch, posterior)
        return replace(own, sample=found)
    log_likelihood, log_weight = found[:, d], found[:, d + 1] - found[:, d + 2]
    enough = min(max(ENOUGH * sampler.batch, 2 * d * (d + 3)), len(found) / 3) * 0.7**own.stalls
    beta = _next_beta(log_likelihood, log_weight, own.beta, enough)
    proposal = _proposal_for(
        found[:, : d + 1],
        log_weight,
        beta,
        _components(sampler, d),
        sampler.df,
        rng,
        TEMPERED_ROUNDS if beta < 1.0 else ROUNDS,
    )
    has_grown = beta >= 1.0 or beta > 1.1 * own.beta
    stalls = 0 if has_grown else own.stalls + 1
    return replace(own, beta=beta, stalls=stalls, proposals=(proposal,), sample=None)


def _proposal_for(
    found: Array,
    log_weight: Array,
    beta: float,
    components: int,
    df: float,
    rng: np.random.Generator,
    rounds: int,
    start: TMixture | None = None,
) -> TMixture:
    """For the posterior tempered by beta, and guards for its tails: for one tempered by
    GUARD_BETA more. `found` (n, d + 1): theta and log-likelihood; `log_weight` at beta = 1."""
    theta, log_likelihood = found[:, :-1], found[:, -1]

    def weight(power: float) -> Array:
        return _normalised(log_weight + (power - 1.0) * log_likelihood)

    mixture = fitted(theta, weight(beta), components, df, rng, rounds, start)
    few = math.ceil(components / 2)
    guard = fitted(theta, weight(GUARD_BETA * beta), few, df, rng, GUARD_ROUNDS)
    return guarded(mixture, guard)


def _no_likelihood(found: int, count: int, posterior: Posterior) -> ConfigError:
    return ConfigError(
        f"prior: the likelihood is above 0 at {found} of {count} draws from the prior of "
        f"{', '.join(posterior.names)}: too few to begin with; the model does not exist there for "
        "these data, so give it other bounds (prior.parameters.NAME)"
    )


def _next_beta(log_likelihood: Array, log_weight: Array, beta: float, enough: float) -> float:
    """The highest beta, up to 1, at which the draws are worth `enough`; no lower than it is."""

    def worth(trial: float) -> float:
        weight = _normalised(log_weight + (trial - 1.0) * log_likelihood)
        return 1.0 / float(weight @ weight)

    if worth(1.0) >= enough:
        return 1.0
    spread = float(np.ptp(log_likelihood)) or 1.0
    low, high = beta, 1.0
    if beta == 0.0:  # by factors: the first may be 1e-12
        low = min(1e-3 / spread, 1e-3)
        while high / low > 1.05:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if worth(middle) >= enough else (low, middle)
        return low
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if worth(middle) >= enough else (low, middle)
    return low


def _improved(
    own: Population,
    found: Array,
    posterior: Posterior,
    sampler: Importance,
    rng: np.random.Generator,
) -> Population:
    """Fits the proposal to the posterior anew, from all draws at beta = 1 (Cornuet et al. 2012,
    AMIS: each weighs posterior / mean of the proposals so far), or freezes the best."""
    d = posterior.ndim
    told = (*own.perplexities, _perplexity(found[:, d + 1] - found[:, d + 2], sampler.batch))
    sample = _pooled(own, found, d)
    if not len(sample):
        return replace(own, perplexities=told, sample=sample)
    log_posterior, densities = sample[:, d + 1], sample[:, d + 2 :]
    log_weight = log_posterior - np.logaddexp.reduce(densities, axis=1)
    efficiency = _efficiencies(log_posterior, densities, log_weight, sampler.batch)
    best = int(np.argmax(efficiency))
    is_stable = len(told) > 2 and abs(told[-1] - told[-2]) <= STABLE * told[-1]
    if (
        told[-1] > GOOD
        or (is_stable and efficiency[best] > FAIR)
        or len(told) >= sampler.adaptations
    ):
        chosen = (own.proposals[best],)
        return replace(own, perplexities=told, is_frozen=True, proposals=chosen, sample=None)
    proposal = _proposal_for(
        sample[:, : d + 1],
        log_weight,
        1.0,
        _components(sampler, d) + (MORE * (len(told) - 1) if sampler.components is None else 0),
        sampler.df,
        rng,
        ROUNDS,
        start=own.proposals[best] if len(told) > 1 else None,
    )
    proposals = (*own.proposals, proposal)
    return replace(own, perplexities=told, proposals=proposals, sample=sample)


def _efficiencies(log_posterior: Array, densities: Array, log_weight: Array, batch: int) -> Array:
    """(T,): the effective share of draws that each of T proposals would give, from draws of all of
    them, `batch` each: Z / E[posterior/proposal], the mean over the posterior."""
    log_z = np.logaddexp.reduce(log_weight) - math.log(batch)
    log_share = log_weight - np.logaddexp.reduce(log_weight)
    ratios = (log_share + log_posterior)[:, None] - densities
    value: Array = np.exp(log_z - np.logaddexp.reduce(ratios, axis=0))
    return value


def _pooled(own: Population, found: Array, ndim: int) -> Array:
    """All draws at beta = 1, with the log-density of every proposal that there has been."""

    def density(rows: Array, proposal: TMixture) -> Array:
        return _log_density(proposal, rows[:, :ndim], rows[:, ndim + 1] - rows[:, ndim])

    earlier = [density(found, proposal) for proposal in own.proposals[:-1]]
    found = np.column_stack([found[:, : ndim + 2], *earlier, found[:, ndim + 2]])
    if own.sample is None:
        return found
    kept = np.column_stack([own.sample, density(own.sample, own.proposals[-1])])
    return np.concatenate([kept, found])


def _components(sampler: Importance, ndim: int) -> int:
    return sampler.components or min(2 + 2 * ndim, 12)


def _normalised(log_weight: Array) -> Array:
    weight = np.exp(log_weight - log_weight.max())
    scaled: Array = weight / weight.sum()
    return scaled


def _perplexity(log_weight: Array, count: int) -> float:
    """exp(entropy) of the weights, over `count` draws: 1 where all of them weigh the same."""
    if not len(log_weight):
        return 0.0
    weight = _normalised(log_weight)
    weight = weight[weight > 0.0]
    return float(np.exp(-(weight @ np.log(weight)))) / count
