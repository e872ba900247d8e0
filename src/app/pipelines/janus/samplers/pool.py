"""Draws of several proposals, weighed by all of them together.

Each draw weighs posterior / mean of the densities of all proposals, by their numbers of draws (the
deterministic mixture of Veach & Guibas 1995; AMIS, Cornuet et al. 2012). What one proposal is too
thin for, another that covers it keeps from weighing too much: no part of the posterior is lost that
an earlier proposal has found.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior, Prior
from app.pipelines.janus.samplers.mixture import TMixture, systematic

PRIOR_SHARE = 0.02  # of a mixture's draws that come from the prior, so that weights have a bound


@dataclass(frozen=True)
class Pool:
    """`mixtures`: all so far; the next draws come from the last, or from the prior. `drawn`: how
    many came from the prior, and from each mixture. `sample`: (n, d + 3 + mixtures), of the draws
    whose likelihood is above 0: theta, log-likelihood, log-posterior, the log-density of the prior
    and of each mixture."""

    mixtures: tuple[TMixture, ...] = ()
    drawn: tuple[int, ...] = (0,)
    sample: Array | None = None

    def arrays(self) -> dict[str, Array]:
        """For a checkpoint."""
        kept = {} if self.sample is None else {"sample": self.sample}
        for number, mixture in enumerate(self.mixtures):
            kept[f"weights {number}"] = mixture.weights
            kept[f"means {number}"] = mixture.means
            kept[f"factors {number}"] = mixture.factors
        return kept

    def as_state(self) -> dict[str, Any]:
        """For a checkpoint: JSON."""
        return {"drawn": self.drawn, "guards": [mixture.guards for mixture in self.mixtures]}

    @classmethod
    def of(cls, arrays: Mapping[str, Array], state: Mapping[str, Any], df: float) -> "Pool":
        """What `arrays` and `as_state` made."""
        mixtures = (
            TMixture(
                arrays[f"weights {number}"],
                arrays[f"means {number}"],
                arrays[f"factors {number}"],
                df,
                guards,
            )
            for number, guards in enumerate(state["guards"])
        )
        return cls(tuple(mixtures), tuple(state["drawn"]), arrays.get("sample"))

    def with_mixture(self, mixture: TMixture) -> "Pool":
        """The next draws come from this one."""
        sample = self.sample
        if sample is not None:
            theta, log_prior = sample[:, : mixture.ndim], sample[:, mixture.ndim + 2]
            sample = np.column_stack([sample, _log_density(mixture, theta, log_prior)])
        return Pool((*self.mixtures, mixture), (*self.drawn, 0), sample)

    def extended(
        self, posterior: Posterior, rng: np.random.Generator, count: int
    ) -> tuple["Pool", Array]:
        """With `count` draws more; and their log(posterior/proposal)."""
        d = posterior.ndim
        if self.mixtures:
            rows = batch_of(self.mixtures[-1], posterior, rng, count)
        else:
            theta = _stratified(posterior.prior, rng, count)
            likelihood, prior = posterior.both(theta)
            rows = np.column_stack([theta, likelihood, prior, likelihood])
        return self.with_draws(rows), rows[:, d + 2]

    def with_draws(self, rows: Array) -> "Pool":
        """With rows of `batch_of` the last mixture; before the first, of the prior."""
        count, d = len(rows), rows.shape[1] - 3
        rows = rows[rows[:, d] > -np.inf]
        theta, log_likelihood, log_prior = rows[:, :d], rows[:, d], rows[:, d + 1]
        log_posterior = log_likelihood + log_prior
        columns = [log_likelihood, log_posterior, log_prior]
        if self.mixtures:
            columns += [_log_density(one, theta, log_prior) for one in self.mixtures[:-1]]
            columns.append(log_posterior - rows[:, d + 2])
        sample = np.column_stack([theta, *columns])
        if self.sample is not None:
            sample = np.concatenate([self.sample, sample])
        drawn = (*self.drawn[:-1], self.drawn[-1] + count)
        return replace(self, drawn=drawn, sample=sample)

    def log_weight(self, ndim: int) -> Array:
        """(n,): log(posterior/mean of the proposals), of the sample."""
        assert self.sample is not None
        with np.errstate(divide="ignore"):
            shares = np.log(np.array(self.drawn) / sum(self.drawn))
        used = shares > -np.inf
        density = np.logaddexp.reduce(self.sample[:, ndim + 2 :][:, used] + shares[used], axis=1)
        weight: Array = self.sample[:, ndim + 1] - density
        return weight


def generator_of(state: Mapping[str, Any]) -> np.random.Generator:
    """Random numbers, from where they are."""
    bits = np.random.PCG64()
    bits.state = state  # type: ignore[assignment]  # as it came back from JSON
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


def _stratified(prior: Prior, rng: np.random.Generator, count: int) -> Array:
    """(count, d) from the prior, evenly spread in each parameter (a Latin hypercube)."""
    cells = np.array([rng.permutation(count) for _ in prior.names]).T
    return prior.transform((cells + rng.random(cells.shape)) / count)
