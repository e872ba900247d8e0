"""Mixtures of multivariate t distributions, fitted to weighted draws by expectation maximisation.

The updates are those of Cappe, Douc, Guillin, Marin & Robert (2008), Statistics and Computing
18:447, section 3.3, at fixed degrees of freedom. Fitting is done in coordinates in which the draws
have unit covariance, so that parameters of any scale and correlation are treated alike.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.pipelines.janus.cosmology.model import Array

Counts = np.ndarray[Any, np.dtype[np.int64]]

FLOOR = 1e-8  # least variance of a component in any direction, of that of all draws
GUARD_SHARE = 0.1  # of the mixture: its components for the tails
GUARD_ROUNDS = 3  # of expectation maximisation for them
LEAST_WEIGHT = 1e-3  # of 1/n: draws below it do not take part in the fit
LEAST_DRAWS = 2.0  # that a component is worth, or it is dropped
SEEDED = 500  # draws that the first centres are found among
LLOYD = 3  # rounds of k-means


@dataclass(frozen=True)
class TMixture:
    """`weights` (K,) sum to 1; `means` (K, d); `factors` (K, d, d): a square root of each scale
    matrix, factor factor^T; `df` degrees of freedom. The last `guards` components are for the
    tails."""

    weights: Array
    means: Array
    factors: Array
    df: float
    guards: int = 0

    @property
    def size(self) -> int:
        return len(self.weights)

    @property
    def ndim(self) -> int:
        return int(self.means.shape[1])

    def log_density(self, theta: Array) -> Array:
        """(n,), of (n, d)."""
        with np.errstate(divide="ignore"):
            value: Array = np.log(self.densities(theta)[1].sum(axis=1)) + self._log_scale
        return value

    def densities(self, theta: Array) -> tuple[Array, Array]:
        """(n, K) each: squared distances from the components, in their scales; and their weighted
        densities, all of them divided by one constant."""
        inverses, centre, offsets, log_heights = self._prepared
        scaled = (theta - centre) @ inverses - offsets
        scaled = scaled.reshape(len(theta), self.size, self.ndim)
        distances = np.einsum("nkd,nkd->nk", scaled, scaled)
        heights = np.log1p(distances / self.df)
        heights *= -0.5 * (self.df + self.ndim)
        heights += log_heights
        return distances, np.exp(heights, out=heights)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, d), in the order of the components. The number of draws from each is its share,
        rounded up or down at random (systematic resampling): less variance, the same mean."""
        counts = systematic(self.weights, count, rng)
        theta = rng.standard_normal((count, self.ndim))
        theta /= np.sqrt(rng.chisquare(self.df, count) / self.df)[:, None]
        first = 0
        for mean, factor, own in zip(self.means, self.factors, counts.tolist(), strict=True):
            rows = slice(first, first + own)
            theta[rows] = mean + theta[rows] @ factor.T
            first += own
        return theta

    @cached_property
    def _prepared(self) -> tuple[Array, Array, Array, Array]:
        """To scale draws around a common centre by all components at once: the inverse factors
        (d, K d), the centre, the components' offsets (K d,), and the logarithms of their heights,
        the highest of them 0."""
        inverses = np.linalg.inv(self.factors)
        centre = self.weights @ self.means
        offsets = np.einsum("kij,kj->ki", inverses, self.means - centre).reshape(-1)
        stacked = np.ascontiguousarray(inverses.reshape(-1, self.ndim).T)
        return stacked, centre, offsets, self._log_heights - self._log_heights.max()

    @cached_property
    def _log_heights(self) -> Array:
        """Of each component at its mean, without what is common to all."""
        heights: Array = np.log(self.weights) - np.linalg.slogdet(self.factors)[1]
        return heights

    @cached_property
    def _log_scale(self) -> float:
        df, d = self.df, self.ndim
        constant = math.lgamma((df + d) / 2) - math.lgamma(df / 2) - d / 2 * math.log(df * math.pi)
        return constant + float(self._log_heights.max())


def systematic(weights: Array, count: int, rng: np.random.Generator) -> Counts:
    """(K,): how many of `count` fall to each weight: its share, rounded up or down at random."""
    edges = np.floor(np.cumsum(weights) / weights.sum() * count + rng.random())
    edges[-1] = count
    counts: Counts = np.diff(np.minimum(edges, count), prepend=0.0).astype(np.int64)
    return counts


def guarded(mixture: TMixture, guard: TMixture) -> TMixture:
    """The mixture with a second, wider one for its tails: the defensive components (Owen & Zhou
    2000), which follow the tails where these are curved."""
    return TMixture(
        np.append((1.0 - GUARD_SHARE) * mixture.weights, GUARD_SHARE * guard.weights),
        np.concatenate([mixture.means, guard.means]),
        np.concatenate([mixture.factors, guard.factors]),
        mixture.df,
        guard.size,
    )


def fitted(
    theta: Array,
    weight: Array,
    components: int,
    df: float,
    rng: np.random.Generator,
    rounds: int,
    start: TMixture | None = None,
) -> TMixture:
    """A mixture for draws `theta` (n, d) of `weight` (n,), which sum to 1.

    At most `components`, fewer where the draws are too few for their covariances. `start`: where
    the iteration begins, its guards aside; else at centres found by k-means.
    """
    used = weight > LEAST_WEIGHT / len(weight)
    theta, weight = theta[used], weight[used] / weight[used].sum()
    mean, factor = _moments(theta, weight)
    inverse = np.linalg.inv(factor)
    whitened = (theta - mean) @ inverse.T
    d, effective = theta.shape[1], 1.0 / float(weight @ weight)
    components = int(np.clip(effective / (d * (d + 3)), 1, components))
    if start is None:
        mixture = _seeded(whitened, weight, components, df, rng)
    else:
        own = slice(0, start.size - start.guards)
        mixture = TMixture(
            start.weights[own] / start.weights[own].sum(),
            (start.means[own] - mean) @ inverse.T,
            inverse @ start.factors[own],
            df,
        )
        mixture = _completed(mixture, whitened, weight, components, rng)
    for _ in range(rounds if mixture.size > 1 else min(rounds, 4)):
        mixture = _improved(mixture, whitened, weight)
    means = mean + mixture.means @ factor.T
    return TMixture(mixture.weights, means, factor @ mixture.factors, df)


def _moments(theta: Array, weight: Array) -> tuple[Array, Array]:
    """The weighted mean, and a square root of the weighted covariance that can be inverted."""
    mean = weight @ theta
    off = theta - mean
    covariance = (weight[:, None] * off).T @ off
    sd = np.sqrt(np.diag(covariance))
    sd = np.maximum(sd, 1e-12 * np.maximum(np.abs(mean), np.ptp(theta, axis=0)))
    sd[sd <= 0.0] = np.finfo(float).tiny ** 0.25
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    return mean, sd[:, None] * (vectors * np.sqrt(np.maximum(values, 1e-12)))


def _seeded(
    x: Array, weight: Array, components: int, df: float, rng: np.random.Generator
) -> TMixture:
    """Components at the clusters that k-means++ (Arthur & Vassilvitskii 2007) finds."""
    d = x.shape[1]
    counts = systematic(weight, SEEDED, rng)
    points = np.repeat(x, counts, axis=0)
    centres = points[rng.integers(len(points))][None]
    while len(centres) < components:
        nearest = _squared(points, centres).min(axis=1)
        if nearest.sum() <= 0.0:  # fewer points than centres
            break
        at = np.searchsorted(np.cumsum(nearest), rng.random() * nearest.sum())
        centres = np.concatenate([centres, points[min(at, len(points) - 1)][None]])
    for _ in range(LLOYD):
        own = _squared(points, centres).argmin(axis=1)
        centres = np.array([points[own == k].mean(axis=0) for k in np.unique(own)])
    own = _squared(points, centres).argmin(axis=1)
    share = np.bincount(own, minlength=len(centres)) + 1.0
    scales = np.empty((len(centres), d, d))
    for k, centre in enumerate(centres):
        off = points[own == k] - centre
        scales[k] = (off.T @ off + np.eye(d) * (d + 1) * FLOOR) / share[k] + FLOOR * np.eye(d)
    pooled = np.einsum("k,kij->ij", share / share.sum(), scales)
    scales = (share[:, None, None] * scales + (d + 1) * pooled) / (share + d + 1)[:, None, None]
    return TMixture(share / share.sum(), centres, np.linalg.cholesky(scales), df)


def _completed(
    mixture: TMixture, x: Array, weight: Array, components: int, rng: np.random.Generator
) -> TMixture:
    """With components in place of those that were dropped: at draws by the square of their weight,
    which are where the proposal they come from is too thin."""
    fresh = components - mixture.size
    if fresh <= 0:
        return mixture
    at = np.repeat(np.arange(len(x)), systematic(weight**2, fresh, rng))
    scales = mixture.factors @ mixture.factors.transpose(0, 2, 1)
    pooled = np.linalg.cholesky(np.einsum("k,kij->ij", mixture.weights, scales))
    share = fresh / components
    return TMixture(
        np.append((1.0 - share) * mixture.weights, np.full(fresh, 1.0 / components)),
        np.concatenate([mixture.means, x[at]]),
        np.concatenate([mixture.factors, np.tile(pooled, (fresh, 1, 1))]),
        mixture.df,
    )


def _squared(points: Array, centres: Array) -> Array:
    """(n, K) squared distances."""
    distances: Array = (centres**2).sum(axis=1) - 2.0 * points @ centres.T
    distances += np.einsum("nd,nd->n", points, points)[:, None]
    return np.maximum(distances, 0.0, out=distances)


def _improved(mixture: TMixture, x: Array, weight: Array) -> TMixture:
    """One round of expectation maximisation; components that hold too few draws are dropped."""
    d, df = mixture.ndim, mixture.df
    distances, heights = mixture.densities(x)
    heights += np.finfo(float).tiny
    shares = heights * (weight / heights.sum(axis=1))[:, None]  # of each draw, to each component
    sums = shares.sum(axis=0)
    effective = sums**2 / np.maximum((shares * shares).sum(axis=0), np.finfo(float).tiny)
    kept = effective >= LEAST_DRAWS
    if not kept.any():
        kept[np.argmax(sums)] = True
    sums, effective = sums[kept], effective[kept]
    robust = shares[:, kept] * ((df + d) / (df + distances[:, kept]))
    means = (robust.T @ x) / robust.sum(axis=0)[:, None]
    scales = np.empty((len(means), d, d))
    for k, mean in enumerate(means):
        off = x - mean
        scales[k] = (robust[:, k, None] * off).T @ off / sums[k]
    total = sums / sums.sum()
    pooled = np.einsum("k,kij->ij", total, scales)
    own = (effective / (effective + d + 1))[:, None, None]  # few draws: shrunk to the common scale
    scales = own * scales + (1.0 - own) * pooled + FLOOR * np.eye(d)
    return TMixture(total, means, np.linalg.cholesky(scales), df)
