"""What a sampler is given: a prior and a likelihood of the same parameters, for batches."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from app.pipelines.janus.cosmology.model import Array


class Prior(Protocol):
    """Independent distributions of the sampled parameters."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def bounds(self) -> Array:
        """(d, 2): where the density is above 0; may be infinite."""

    def log_density(self, theta: Array) -> Array:
        """(w,): -inf outside; normalised."""

    def transform(self, unit: Array) -> Array:
        """(w, d): from the unit cube, by the inverse distribution functions."""

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, d)."""


class LogLikelihood(Protocol):
    """Of (w, d) parameter vectors, (w,); -inf where the model does not exist, never NaN."""

    def __call__(self, theta: Array) -> Array: ...


@dataclass
class Posterior:
    """A batch-wise log-posterior, counting what it is asked.

    Where a user's own function includes its prior, `log_likelihood` is its value less the density
    of `prior`, so that their sum is the function's own value, between the bounds of `prior`.
    """

    prior: Prior
    log_likelihood_of: LogLikelihood
    identity: dict[str, Any]  # JSON: all that decides its values, for checkpoints' signatures
    description: dict[str, Any] = field(default_factory=dict)  # JSON, for the summary: method, ...
    evaluations: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return self.prior.names

    @property
    def ndim(self) -> int:
        return len(self.prior.names)

    def log_likelihood(self, theta: Array) -> Array:
        """(w,); rows outside the prior are not evaluated and give -inf."""
        return self.both(theta)[0]

    def log_prob(self, theta: Array) -> Array:
        """(w,): log-likelihood + log-prior."""
        likelihood, prior = self.both(theta)
        return likelihood + prior

    def both(self, theta: Array) -> tuple[Array, Array]:
        """Log-likelihood and log-prior, (w,) each."""
        prior = self.prior.log_density(theta)
        inside = prior > -np.inf
        if inside.all():
            self.evaluations += len(theta)
            return self.log_likelihood_of(theta), prior
        likelihood = np.full(len(theta), -np.inf)
        if inside.any():
            self.evaluations += int(inside.sum())
            likelihood[inside] = self.log_likelihood_of(theta[inside])
        return likelihood, prior
