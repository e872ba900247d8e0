"""Posteriors with known answers, and runs of their samplers, for tests."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Emcee, SamplingCheckpoint
from app.durable.governor import Governor
from app.durable.run import DurableRun
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers import emcee_chain
from app.pipelines.janus.samplers.task import SamplingTask

NEVER_S = 1e9


class Gaussian:
    """Independent normal distributions of one mean and width."""

    def __init__(self, d: int, mean: float, sd: float) -> None:
        self.names = tuple("abcdefgh"[:d])
        self.bounds = np.array([[-np.inf, np.inf]] * d)
        self._d, self._mean, self._sd = d, mean, sd

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        chi2 = (((theta - self._mean) / self._sd) ** 2).sum(axis=1)
        return -0.5 * chi2 - self._d * np.log(np.sqrt(2 * np.pi) * self._sd)

    def transform(self, unit: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(self._mean, self._sd, (count, self._d))


class Box(Gaussian):
    """Uniform between -width and width."""

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        inside = (np.abs(theta) < self._sd).all(axis=1)
        return np.where(inside, -self._d * np.log(2 * self._sd), -np.inf)

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.uniform(-self._sd, self._sd, (count, self._d))


def gaussian(d: int = 2) -> Posterior:
    """Mean 1, standard deviation 1 in each of d parameters."""
    prior, inverse = Gaussian(d, 1.0, 10.0), 1.0 - 0.01

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        return -0.5 * inverse * ((theta - 1.0) ** 2).sum(axis=1)

    return Posterior(prior, log_likelihood, {"data": "gaussian", "d": d})


def banana() -> Posterior:
    """x ~ N(0, 1), y ~ N(x^2 / 2, 0.5): mean (0, 0.5), standard deviations 1 and sqrt(0.75)."""

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        x, y = theta.T
        return -0.5 * (x**2 + ((y - 0.5 * x**2) / 0.5) ** 2)

    return Posterior(Box(2, 0.0, 15.0), log_likelihood, {"data": "banana"})


def calling(posterior: Posterior, call: Callable[[int], None]) -> Posterior:
    """`call(n)` happens before the n-th call of the likelihood, from 1."""
    inner, count = posterior.log_likelihood_of, [0]

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        count[0] += 1
        call(count[0])
        return inner(theta)

    return Posterior(posterior.prior, log_likelihood, posterior.identity)


def sampled(
    folder: Path,
    posterior: Posterior,
    sampler: Emcee,
    *,
    adaptive: bool = False,
    every: int = 40,
    budget: float | None = None,
    seed: int = 7,
    signature: dict[str, Any] | None = None,
    **targets: float,
) -> Draws:
    """One process of a run in `folder`; `targets` of convergence."""
    governor = Governor(budget)
    with (
        DurableRun(
            folder, study="janus", run_name="a", phases={"sample": 1.0}, governor=governor
        ) as run,
        run.phase("sample"),
    ):
        task = SamplingTask(
            posterior,
            Convergence(adaptive=adaptive, **targets),
            SamplingCheckpoint(every=every, seconds=NEVER_S),
            run,
            "model",
            seed,
            signature or {"posterior": posterior.identity, "seed": seed},
        )
        return emcee_chain.sample(task, sampler)


def digest(draws: Draws) -> str:
    """SHA-256 of all there is."""
    kept = draws.as_arrays()
    digest = hashlib.sha256(json.dumps(dict(kept.about), sort_keys=True).encode())
    for name, array in kept.arrays.items():
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
