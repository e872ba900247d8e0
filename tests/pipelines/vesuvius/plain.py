"""Data of the field's kind, and the algorithms written the plain way, as references."""

import numpy as np

from app.pipelines.vesuvius.grid import Problem
from app.pipelines.vesuvius.rows import Rows


def made(n: int, d: int, classes: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated standardised columns (n, d), and targets (n, K) that follow from some of them."""
    rng = np.random.default_rng(seed)
    mixed = np.eye(d) + rng.standard_normal((d, d)) / np.sqrt(d)
    X = rng.standard_normal((n, d)) @ mixed
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    truth = rng.standard_normal((d, classes)) * (np.arange(d) < max(2, d // 4))[:, None]
    Y = rng.random((n, classes)) < sigmoid(X @ truth - 1.0)
    return X, Y.astype(np.uint8)


def rows(features: np.ndarray, target: np.ndarray, names: list[str]) -> Rows:
    return Rows(
        features=features.astype(np.float32),
        target=target,
        volume=np.zeros(len(features), np.int32),
        names=tuple(names),
        classes=tuple(f"class{k}" for k in range(target.shape[1])),
    )


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


def kept_rows(problem: Problem, n: int) -> np.ndarray:
    first, last = problem.left_out
    return np.delete(np.arange(n), np.arange(first, last))


def one_candidate(
    X: np.ndarray,
    y: np.ndarray,
    problem: Problem,
    w: np.ndarray,
    penalties: tuple[float, float],
    step: float,
    iterations: int,
) -> tuple[np.ndarray, float]:
    """Proximal gradient for one candidate and one class, on the rows and columns it sees."""
    l1, l2 = penalties
    rows, columns = kept_rows(problem, len(X)), np.flatnonzero(problem.columns)
    x, y = X[np.ix_(rows, columns)], y[rows].astype(float)
    v, b = w[columns].copy(), 0.0
    for _ in range(iterations):
        e = sigmoid(x @ v + b) - y
        to = v - step * (x.T @ e / len(x) + l2 * v)
        v = np.sign(to) * np.maximum(np.abs(to) - step * l1, 0.0)
        b -= step * e.mean()
    full = np.zeros_like(w)
    full[columns] = v
    return full, b


def objective(
    X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float, penalties: tuple[float, float]
) -> float:
    l1, l2 = penalties
    z = X @ w + b
    return float(
        np.mean(np.logaddexp(0, z) - y * z) + l1 * np.abs(w).sum() + 0.5 * l2 * np.square(w).sum()
    )
