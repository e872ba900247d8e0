"""Proximal gradient for many elastic-net logistic regressions at once (ISTA; Parikh & Boyd 2014,
section 4.2).

Each candidate minimises, for each class, mean cross-entropy over its rows + l1 |w|_1 +
l2 |w|_2^2 / 2, the intercept free. All candidates are columns of one matrix product per block of
rows: the rows are read twice an iteration, not twice an iteration and candidate. One iteration is
a pure function of arrays, the same to the bit each time, so that a run stopped at any iteration
goes on exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.config.vesuvius.training import Reference
from app.errors import SuperiorError
from app.pipelines.vesuvius import logistic
from app.pipelines.vesuvius.grid import Candidate, Problems


@dataclass(frozen=True)
class Batch:
    """k candidates that are solved together."""

    l1: np.ndarray  # (k,) float64
    l2: np.ndarray  # (k,) float64
    left_out: np.ndarray  # (k, 2) int64: rows from, to that do not count
    columns: np.ndarray  # (d, k) bool: those a candidate may use


def batch_of(tried: Sequence[Candidate], of: Problems) -> Batch:
    problems = [of[each.meta_neuron, each.repeat] for each in tried]
    return Batch(
        l1=np.array([each.l1 for each in tried]),
        l2=np.array([each.l2 for each in tried]),
        left_out=np.array([problem.left_out for problem in problems], np.int64).reshape(-1, 2),
        columns=np.stack([problem.columns for problem in problems], axis=1),
    )


def first_weights(
    tried: Sequence[Candidate], of: Problems, dtype: str = "float64"
) -> tuple[np.ndarray, np.ndarray]:
    """W (d, k K), candidate-major and class-minor, and b (k K,) = 0."""
    parts = [of[each.meta_neuron, each.repeat].weights for each in tried]
    W = np.hstack(parts).astype(dtype)
    return W, np.zeros(W.shape[1], dtype)


def iterate(
    X: np.ndarray, Y: np.ndarray, W: np.ndarray, b: np.ndarray, batch: Batch, solver: Reference
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One iteration of all candidates.

    Args:
        X: (n, d) design, C order, of W's dtype.
        Y: (n, K) 0 or 1.
        W: (d, k K) weights; b: (k K,) intercepts. They are not changed.

    Returns:
        W and b after it, and (k,) the largest move of any weight or intercept of a candidate.

    Raises:
        SuperiorError: weights are no longer finite.
    """
    classes, W = Y.shape[1], np.ascontiguousarray(W)  # its order would change the last bits
    G, g = _gradient(X, Y, W, b, batch, solver.row_block)
    l1, l2 = np.repeat(batch.l1, classes), np.repeat(batch.l2, classes)
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        moved = W - solver.step * (G + l2 * W)
        moved = np.sign(moved) * np.maximum(np.abs(moved) - solver.step * l1, 0.0)
        moved[~np.repeat(batch.columns, classes, axis=1)] = 0.0
        new_W, new_b = moved.astype(W.dtype), (b - solver.step * g).astype(b.dtype)
        moves = np.maximum(np.abs(new_W - W).max(axis=0), np.abs(new_b - b))
    if not np.isfinite(moves).all():
        raise SuperiorError(
            f"the proximal gradient diverged: solver.step={solver.step} is too large for this "
            "design; take a smaller one"
        )
    return new_W, new_b, moves.reshape(-1, classes).max(axis=1).astype(np.float64)


def _gradient(
    X: np.ndarray, Y: np.ndarray, W: np.ndarray, b: np.ndarray, batch: Batch, row_block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of the mean cross-entropy: (d, k K) and (k K,), float64; blocks are summed in float64."""
    classes = Y.shape[1]
    G, g = np.zeros(W.shape[::-1]), np.zeros(len(b))  # G transposed: the faster product
    left_out = np.repeat(batch.left_out, classes, axis=0)
    room = np.empty((min(row_block, len(X)), W.shape[1]), W.dtype)
    for start in range(0, len(X), row_block):
        x, y = X[start : start + row_block], Y[start : start + row_block]
        z, total = room[: len(x)], np.zeros_like(b)
        np.matmul(x, W, out=z)
        logistic.residuals(z, b, y, start, left_out, total)
        G += z.T @ x
        g += total
    rows = _rows(len(X), left_out)
    return np.ascontiguousarray(G.T / rows), g / rows


def _rows(total: int, left_out: np.ndarray) -> np.ndarray:
    return np.asarray(total - (left_out[:, 1] - left_out[:, 0]))


def losses(
    X: np.ndarray,
    Y: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    batch: Batch,
    row_block: int = 4096,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean cross-entropy over each candidate's rows, and l1 |w|_1 + l2 |w|^2 / 2: (k,) each, means
    over the classes. Their sum is what the iterations make smaller."""
    classes = Y.shape[1]
    total = np.zeros(len(b))
    left_out = np.repeat(batch.left_out, classes, axis=0)
    for start in range(0, len(X), row_block):
        x, y = X[start : start + row_block], Y[start : start + row_block]
        logistic.cross_entropy(x @ W, b, y, start, left_out, total)
    total /= _rows(len(X), left_out)
    return total.reshape(-1, classes).mean(axis=1), penalty(W, batch.l1, batch.l2)


def penalty(W: np.ndarray, l1: np.ndarray, l2: np.ndarray) -> np.ndarray:
    """(k,): l1 |w|_1 + l2 |w|_2^2 / 2 of weights (d, k K), the mean over the K classes."""
    w = W.astype(np.float64).reshape(len(W), len(l1), -1)
    size = l1[:, None] * np.abs(w).sum(axis=0) + 0.5 * l2[:, None] * np.square(w).sum(axis=0)
    return np.asarray(size.mean(axis=1))
