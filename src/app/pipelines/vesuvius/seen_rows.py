"""What a meta-neuron sees of the training rows, and sums over them: gradients, Hessians, losses.

Weights here are (s + 1, c): the s columns it sees, then the intercept, of c fits.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from app.pipelines.vesuvius import logistic
from app.pipelines.vesuvius.grid import Problem

DType = np.dtype[Any]
SINGLE: DType = np.dtype(np.float32)
DOUBLE: DType = np.dtype(np.float64)


class SeenRows:
    """All rows and columns a meta-neuron sees."""

    def __init__(self, X: np.ndarray, Y: np.ndarray, problem: Problem, row_block: int) -> None:
        self.X, self.Y, self.columns = X, Y, problem.columns
        self.classes, self._row_block = Y.shape[1], row_block
        first, last = problem.left_out
        self._parts = ((0, first), (last, len(X)))
        self.total = len(X) - (last - first)

    def blocks(self) -> Iterator[slice]:
        for start, stop in self._parts:
            for at in range(start, stop, self._row_block):
                yield slice(at, min(at + self._row_block, stop))

    def spread(self, count: int) -> np.ndarray:
        """Places of `count` rows, evenly over those seen."""
        first, last = self._parts[0][1], self._parts[1][0]
        places = np.linspace(0, self.total - 1, min(count, self.total)).astype(np.intp)
        return np.where(places < first, places, places + last - first)

    def gradient(self, V: np.ndarray, of_class: np.ndarray, dtype: DType) -> np.ndarray:
        """Of the mean cross-entropy, (columns + 1, c), float64; `of_class` (c,): whose target."""
        W: np.ndarray = np.zeros((len(self.columns), V.shape[1]), dtype)
        W[self.columns] = V[:-1]
        b = V[-1].astype(dtype)
        G, g = np.zeros(W.shape), np.zeros(len(b))
        everyone = np.zeros((len(b), 2), np.int64)
        one_class = self.classes == 1
        for block in self.blocks():
            x: np.ndarray = self.X[block].astype(dtype, copy=False)
            y = self.Y[block] if one_class else self.Y[block][:, of_class]
            z, total = x @ W, np.zeros_like(b)
            logistic.residuals(z, b, y, block.start, everyone, total)
            G += x.T @ z
            g += total
        return np.vstack([G[self.columns], g]) / self.total

    def hessian(self, v: np.ndarray) -> np.ndarray:
        """Of the mean cross-entropy at v (s + 1,): (s + 1, s + 1) float64."""
        return self._curvature(v)

    def majoriser(self) -> np.ndarray:
        """X1' X1 / 4n, above every Hessian (Bohning & Lindsay 1988)."""
        return self._curvature(None)

    def _curvature(self, v: np.ndarray | None) -> np.ndarray:
        size = int(self.columns.sum()) + 1
        H = np.zeros((size, size))
        for block in self.blocks():
            x = _with_ones(self.X[block][:, self.columns].astype(np.float64))
            if v is None:
                x *= 0.5
            else:
                p = logistic.sigmoid(x @ v)
                x *= np.sqrt(p * (1.0 - p))[:, None]
            H += x.T @ x
        return H / self.total

    def loss(self, v: np.ndarray, of_class: int) -> float:
        """Mean cross-entropy of one fit (s + 1,)."""
        w = np.zeros(len(self.columns))
        w[self.columns] = v[:-1]
        total = 0.0
        for block in self.blocks():
            z = self.X[block].astype(np.float64, copy=False) @ w + v[-1]
            total += float(logistic.cross_entropies(z, self.Y[block, of_class]).sum())
        return total / self.total


class SampledRows:
    """Some of them, in float32: for Hessians, and for where to start."""

    def __init__(self, rows: SeenRows, count: int) -> None:
        at = rows.spread(count)
        self.x = _with_ones(rows.X[at][:, rows.columns].astype(np.float32))
        self.y, self.classes = rows.Y[at].astype(np.float32), rows.classes

    def probabilities(self, V: np.ndarray) -> np.ndarray:
        z = self.x @ V.astype(np.float32)
        logistic.probabilities(z, np.zeros(z.shape[1], np.float32))
        return z

    def hessian(self, v: np.ndarray) -> np.ndarray:
        p = self.probabilities(v[:, None])
        scaled = self.x * np.sqrt(p * (1 - p))
        return np.asarray((scaled.T @ scaled).astype(np.float64) / len(self.x))


def _with_ones(x: np.ndarray) -> np.ndarray:
    return np.hstack([x, np.ones((len(x), 1), x.dtype)])
