"""Posteriors with known answers, and tasks to sample them, for tests of weighted samplers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.config.janus.sampler import Convergence, SamplingCheckpoint
from app.durable.run import DurableRun
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import LogLikelihood, Posterior
from app.pipelines.janus.samplers.task import SamplingTask


@dataclass(frozen=True)
class Box:
    """A flat prior between `bounds` (d, 2)."""

    bounds: Array

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"p{number}" for number in range(len(self.bounds)))

    def log_density(self, theta: Array) -> Array:
        low, high = self.bounds.T
        inside = ((theta >= low) & (theta <= high)).all(axis=1)
        return np.where(inside, -np.log(high - low).sum(), -np.inf)

    def transform(self, unit: Array) -> Array:
        low, high = self.bounds.T
        return low + unit * (high - low)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return self.transform(rng.random((count, len(self.bounds))))

    @property
    def log_volume(self) -> float:
        return float(np.log(self.bounds[:, 1] - self.bounds[:, 0]).sum())


@dataclass(frozen=True)
class StandardNormals:
    """Normal priors of mean 0 and sd 1, unbounded."""

    ndim: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"p{number}" for number in range(self.ndim))

    @property
    def bounds(self) -> Array:
        return np.tile([-np.inf, np.inf], (self.ndim, 1))

    def log_density(self, theta: Array) -> Array:
        value: Array = -0.5 * (theta**2).sum(axis=1) - 0.5 * self.ndim * math.log(2 * math.pi)
        return value

    def transform(self, unit: Array) -> Array:
        from scipy.special import ndtri

        value: Array = ndtri(unit)
        return value

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return rng.standard_normal((count, self.ndim))


@dataclass(frozen=True)
class Gaussian:
    """A normalised Gaussian likelihood."""

    mean: Array
    covariance: Array

    def __call__(self, theta: Array) -> Array:
        inverse = np.linalg.inv(np.linalg.cholesky(self.covariance))
        scaled = (theta - self.mean) @ inverse.T
        constant = len(self.mean) / 2 * math.log(2 * math.pi)
        value: Array = (
            np.log(np.diag(inverse)).sum() - constant - 0.5 * (scaled * scaled).sum(axis=1)
        )
        return value


def correlated(ndim: int, scale: float = 1.0) -> Gaussian:
    """Standard deviations from `scale` to 10 times it, correlations of 0.5."""
    sd = scale * np.geomspace(1.0, 10.0, ndim) if ndim > 1 else np.array([scale])
    covariance = np.outer(sd, sd) * (0.5 + 0.5 * np.eye(ndim))
    return Gaussian(np.linspace(-1.0, 1.0, ndim) * scale, covariance)


def around(likelihood: Gaussian, sds: float) -> Box:
    """A flat prior that reaches so many standard deviations to both sides."""
    sd = np.sqrt(np.diag(likelihood.covariance))
    return Box(np.column_stack([likelihood.mean - sds * sd, likelihood.mean + sds * sd]))


def two_modes(theta: Array) -> Array:
    """Unit Gaussians 12 sd apart along the first axis, weighing 0.8 and 0.2."""
    rest = (theta[:, 1:] ** 2).sum(axis=1)
    constant = -0.5 * theta.shape[1] * math.log(2 * math.pi)
    first = math.log(0.8) - 0.5 * ((theta[:, 0] + 6.0) ** 2 + rest)
    second = math.log(0.2) - 0.5 * ((theta[:, 0] - 6.0) ** 2 + rest)
    value: Array = constant + np.logaddexp(first, second)
    return value


def banana(theta: Array) -> Array:
    """x ~ N(0, 1), y ~ N(x^2, 0.25): normalised."""
    x, y = theta[:, 0], theta[:, 1]
    value: Array = -math.log(2 * math.pi * 0.25) - 0.5 * (x**2 + ((y - x**2) / 0.25) ** 2)
    return value


class WeakCPL:
    """Supernovae that hardly know the dark energy: the distances of a flat CPL model in Om, w0, wa
    and an offset at 24 redshifts, each known to 0.01 mag. A bent banana in four dimensions, with
    a thin spur at Om < 0.1 that holds 4 % of it.

    What is known of it is from Gauss-Legendre quadrature with 300 nodes in each of Om, w0 and wa,
    the offset integrated by hand (it is Gaussian, far inside its bounds); 200 nodes give 1.4e-4
    less for ln Z. 1e7 draws from the prior agree (-14.12 +- 0.17).
    """

    BOX = Box(np.array([[0.05, 0.7], [-2.0, -0.3], [-4.0, 2.0], [-1.0, 1.0]]))
    LN_Z = -14.1882
    MEAN = np.array([0.2892, -0.9638, 0.2111])  # of Om, w0, wa
    SPUR = 0.0426  # share of the posterior at Om < 0.1
    SD = 0.01

    def __init__(self) -> None:
        z = np.linspace(0.02, 2.3, 24)
        self.log_a, self.fall = np.log1p(z), z / (1.0 + z)
        self.means = np.tril(np.tile(np.diff(z, prepend=0.0), (24, 1))).T / z
        self.data = self.moduli(np.array([[0.33, -1.0, 0.0, 0.0]]))

    def moduli(self, theta: Array) -> Array:
        Om, w0, wa, offset = (theta[:, [i]] for i in range(4))
        dark = np.exp(3.0 * (1.0 + w0 + wa) * self.log_a - 3.0 * wa * self.fall)
        rate = np.sqrt(Om * np.exp(3.0 * self.log_a) + (1.0 - Om) * dark)
        value: Array = -5.0 * np.log10((1.0 / rate) @ self.means) + offset
        return value

    def __call__(self, theta: Array) -> Array:
        value: Array = -0.5 * (((self.moduli(theta) - self.data) / self.SD) ** 2).sum(axis=1)
        return value


def task_of(
    run: DurableRun,
    prior: Box | StandardNormals,
    likelihood: LogLikelihood | Callable[[Array], Array],
    *,
    seed: int = 1,
    every: int = 1000,
    signature: dict[str, object] | None = None,
    **targets: object,
) -> SamplingTask:
    return SamplingTask(
        Posterior(prior, likelihood, {"target": "test"}),
        Convergence(**targets),
        SamplingCheckpoint(every=every),
        run,
        "target",
        seed,
        signature or {"seed": seed},
    )


def run_in(folder: Path) -> DurableRun:
    return DurableRun(folder, study="janus", run_name="test", phases={"sample": 1.0})
