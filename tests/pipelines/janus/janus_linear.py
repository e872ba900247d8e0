"""A straight line through data of known errors: posterior and criteria have closed forms."""

from dataclasses import dataclass

import numpy as np

from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior


@dataclass(frozen=True)
class Flat:
    """A flat prior of named parameters."""

    names: tuple[str, ...]
    bounds: np.ndarray

    def log_density(self, theta):
        low, high = self.bounds.T
        inside = ((theta >= low) & (theta <= high)).all(axis=1)
        return np.where(inside, -np.log(high - low).sum(), -np.inf)

    def transform(self, unit):
        low, high = self.bounds.T
        return low + unit * (high - low)

    def draw(self, rng, count):
        return self.transform(rng.random((count, len(self.names))))


class Line:
    """y = slope x + level, n points with errors of 0.3."""

    def __init__(self, n=30, bounds=((-10.0, 10.0), (-10.0, 10.0)), seed=0):
        rng = np.random.default_rng(seed)
        self.sd = 0.3
        x = np.linspace(-1.0, 2.0, n)
        self.design = np.stack([x, np.ones(n)], axis=1)
        self.y = self.design @ [0.7, -0.2] + self.sd * rng.standard_normal(n)
        self.prior = Flat(("slope", "level"), np.array(bounds))
        self.covariance = self.sd**2 * np.linalg.inv(self.design.T @ self.design)
        self.best = np.linalg.lstsq(self.design, self.y, rcond=None)[0]
        self.chi2_min = float(self.chi2(self.best[None])[0])
        self.constant = -0.5 * n * np.log(2.0 * np.pi * self.sd**2)

    def chi2(self, theta):
        return (((self.y - theta @ self.design.T) / self.sd) ** 2).sum(axis=1)

    def pointwise(self, theta):
        residual = (self.y - theta @ self.design.T) / self.sd
        return -0.5 * residual**2 - 0.5 * np.log(2.0 * np.pi * self.sd**2)

    def posterior(self):
        return Posterior(
            self.prior, lambda theta: self.constant - 0.5 * self.chi2(theta), identity={}
        )

    def draws(self, count=4000, seed=1):
        """Independent ones, as four ensembles of 10 walkers; the prior's bounds are far away."""
        rng = np.random.default_rng(seed)
        theta = rng.multivariate_normal(self.best, self.covariance, size=count)
        return chain(self.prior, theta.reshape(4, -1, 10, 2), self.posterior())


def chain(prior, theta, posterior=None, accepted=0.4, ended="converged", discard=0):
    """Draws of a chain theta (E, S, W, d)."""
    e, s, w, d = theta.shape
    log_likelihood = np.zeros((e, s, w))
    if posterior is not None:
        log_likelihood = posterior.log_likelihood(theta.reshape(-1, d)).reshape(e, s, w)
    return Draws(
        prior.names,
        theta,
        log_likelihood,
        prior.log_density(theta.reshape(-1, d)).reshape(e, s, w),
        None,
        np.full((e, w), accepted * s),
        ended,
        theta.size // d,
        discard=discard,
    )


def weighted(prior, theta, log_weight, posterior=None, **told):
    """Weighted draws theta (E, N, d) with log_weight (E, N)."""
    e, n, d = theta.shape
    log_likelihood = np.zeros((e, n, 1))
    if posterior is not None:
        log_likelihood = posterior.log_likelihood(theta.reshape(-1, d)).reshape(e, n, 1)
    log_weight = log_weight - np.logaddexp.reduce(log_weight, axis=None)
    return Draws(
        prior.names,
        theta[:, :, None],
        log_likelihood,
        np.zeros((e, n, 1)),
        log_weight[:, :, None],
        None,
        **({"ended": "converged", "evaluations": e * n} | told),
    )
