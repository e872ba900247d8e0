"""Mixtures of multivariate t distributions, as proposals: their densities and draws from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.pipelines.janus.cosmology.model import Array

Counts = np.ndarray[Any, np.dtype[np.int64]]

BLOCK = 1024  # draws at a time: what is worked on stays in the processor's cache


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
        total = np.empty(len(theta))
        for first in range(0, len(theta), BLOCK):
            rows = slice(first, first + BLOCK)
            total[rows] = self.densities(theta[rows])[1].sum(axis=0)
        with np.errstate(divide="ignore"):
            value: Array = np.log(total) + self._log_scale
        return value

    def densities(self, theta: Array) -> tuple[Array, Array]:
        """(K, n) each, of (n, d): by how much less than its top each component is, as 1 + squared
        distance/df; and the weighted densities, all of them divided by one constant."""
        inverses, centre, offsets, heights = self._prepared
        scaled = inverses @ (theta - centre).T
        scaled -= offsets
        scaled *= scaled
        falls: Array = scaled.reshape(self.ndim, self.size, len(theta)).sum(axis=0)
        falls /= self.df
        falls += 1.0
        densities: Array = np.power(falls, -0.5 * (self.df + self.ndim))
        densities *= heights
        return falls, densities

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
        """To scale draws around a common centre by all components at once, by one matrix product:
        the rows of the inverse factors (d K, d), first those of the first coordinates; the centre;
        the components' offsets (d K, 1); and their heights (K, 1), the highest of them 1."""
        inverses = np.linalg.inv(self.factors)
        centre = self.weights @ self.means
        offsets = np.einsum("kij,kj->ik", inverses, self.means - centre).reshape(-1, 1)
        stacked = np.ascontiguousarray(inverses.transpose(1, 0, 2)).reshape(-1, self.ndim)
        heights = np.exp(self._log_heights - self._log_heights.max())[:, None]
        return stacked, centre, offsets, heights

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


def joined(mixtures: Sequence[TMixture], shares: Sequence[float], guards: int = 0) -> TMixture:
    """One mixture of several, which have `shares` of it; its last `guards` are for the tails."""
    return TMixture(
        np.concatenate([s * own.weights for s, own in zip(shares, mixtures, strict=True)]),
        np.concatenate([own.means for own in mixtures]),
        np.concatenate([own.factors for own in mixtures]),
        mixtures[0].df,
        guards,
    )


def systematic(weights: Array, count: int, rng: np.random.Generator) -> Counts:
    """(K,): how many of `count` fall to each weight: its share, rounded up or down at random."""
    edges = np.floor(np.cumsum(weights) / weights.sum() * count + rng.random())
    edges[-1] = count
    counts: Counts = np.diff(np.minimum(edges, count), prepend=0.0).astype(np.int64)
    return counts
