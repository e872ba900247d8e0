"""Draws from a posterior, as every sampler hands them over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.datasets.arrays import Arrays
from app.pipelines.janus.cosmology.model import Array


@dataclass(frozen=True)
class Draws:
    """Draws of one model.

    A chain keeps every step, in the order (ensemble, step, walker): shape = (E, S, W). Weighted
    draws have shape (E, N, 1): E independent populations (1 for a grid or a nested sampler).
    """

    names: tuple[str, ...]
    theta: Array  # (E, S, W, d)
    log_likelihood: Array  # (E, S, W)
    log_prior: Array  # (E, S, W)
    log_weight: Array | None  # (E, S, W), of importance, nested and grid draws; sums to 1 over all
    accepted: Array | None  # (E, W): accepted proposals of each walker
    ended: str  # converged, steps, deadline, or what else ended it
    evaluations: int
    ln_z: float | None = None  # of the normalised prior, and of the likelihood as it is normalised
    ln_z_sd: float | None = None
    discard: int = 0  # steps of each chain that are not used
    thin: int = 1
    details: Mapping[str, Any] = field(default_factory=dict)  # JSON: of the sampler itself

    @property
    def is_chain(self) -> bool:
        return self.log_weight is None

    def kept(self) -> tuple[Array, Array]:
        """What is used: draws (n, d), and weights (n,) that sum to 1. Of a chain, the steps after
        `discard`."""
        d = self.theta.shape[-1]
        theta = self.theta[:, self.discard :].reshape(-1, d)
        if self.log_weight is None:
            return theta, np.full(len(theta), 1.0 / len(theta))
        weight = np.exp(self.log_weight[:, self.discard :].reshape(-1))
        return theta, weight / weight.sum()

    def kept_log_likelihood(self) -> Array:
        """(n,), in the order of `kept`."""
        return self.log_likelihood[:, self.discard :].reshape(-1)

    def equally_weighted(self, count: int, rng: np.random.Generator) -> Array:
        """(count, d): drawn from what is kept, by weight; systematic resampling."""
        theta, weight = self.kept()
        steps = (rng.random() + np.arange(count)) / count
        at = np.minimum(np.searchsorted(np.cumsum(weight), steps), len(theta) - 1)
        drawn: Array = theta[rng.permutation(at)]
        return drawn

    def as_arrays(self) -> Arrays:
        """For the catalog."""
        arrays = {
            "theta": self.theta,
            "log_likelihood": self.log_likelihood,
            "log_prior": self.log_prior,
        }
        if self.log_weight is not None:
            arrays["log_weight"] = self.log_weight
        if self.accepted is not None:
            arrays["accepted"] = self.accepted
        about = {
            "names": list(self.names),
            "ended": self.ended,
            "evaluations": self.evaluations,
            "ln_z": self.ln_z,
            "ln_z_sd": self.ln_z_sd,
            "discard": self.discard,
            "thin": self.thin,
            "details": dict(self.details),
        }
        return Arrays(arrays, about)

    @classmethod
    def from_arrays(cls, kept: Arrays) -> "Draws":
        """What `as_arrays` made."""
        arrays, about = kept.arrays, dict(kept.about)
        return cls(
            names=tuple(about.pop("names")),
            theta=arrays["theta"],
            log_likelihood=arrays["log_likelihood"],
            log_prior=arrays["log_prior"],
            log_weight=arrays.get("log_weight"),
            accepted=arrays.get("accepted"),
            **about,
        )


def packed(draws: Mapping[str, Draws]) -> Arrays:
    """Draws of several models, by name, for the catalog."""
    arrays, about = {}, {}
    for name, of_model in draws.items():
        kept = of_model.as_arrays()
        arrays.update({f"{name}.{key}": array for key, array in kept.arrays.items()})
        about[name] = dict(kept.about)
    return Arrays(arrays, {"models": about})


def unpacked(kept: Arrays) -> dict[str, Draws]:
    """What `packed` made: name -> draws."""
    found = {}
    for name, about in kept.about["models"].items():
        own = {
            key.removeprefix(f"{name}."): array
            for key, array in kept.arrays.items()
            if key.startswith(f"{name}.")
        }
        found[name] = Draws.from_arrays(Arrays(own, about))
    return found
