"""The quadratic teacher of distillation: a logistic regression on features and all their products,
fitted to its optimum by Newton's method with a line search (Boyd & Vandenberghe 2004, section 9.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from app.config.vesuvius.training import Distillation
from app.errors import SuperiorError
from app.pipelines.vesuvius.design import StandardDesign
from app.pipelines.vesuvius.logistic import cross_entropies, sigmoid
from app.pipelines.vesuvius.rows import Rows

BLOCK = 4096  # rows
SMALLEST = 1e-6  # scale of a column: one below it does not vary
GRADIENT = 1e-6  # largest component at which the teacher is at its optimum
NEWTON_STEPS = 100
SLOW = 0.2  # a step that leaves more of the gradient asks for a new Hessian
HALVINGS = 30
ROUNDING = 1e-13  # of a loss
_KEPT = ("mean", "scale", "weights", "intercept")
RIDGE = 1e-6  # of the Hessian's mean diagonal: products of features may repeat one another


@dataclass(frozen=True)
class Teacher:
    """Logistic regressions on f standardised features and their f (f + 1) / 2 products."""

    design: StandardDesign  # whose features it looks at: maps and their gradients
    mean: np.ndarray  # (m,) float64 of the m = f + f (f + 1) / 2 columns
    scale: np.ndarray  # (m,) float64
    weights: np.ndarray  # (m, K) float64
    intercept: np.ndarray  # (K,) float64

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(n, F) raw features to (n, K) float64."""
        found = np.empty((len(features), len(self.intercept)))
        for start in range(0, len(features), BLOCK):
            rows = slice(start, start + BLOCK)
            columns = (_products(features[rows], self.design) - self.mean) / self.scale
            found[rows] = columns @ self.weights + self.intercept
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """All but the design."""
        return {name: getattr(self, name) for name in _KEPT}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], design: StandardDesign) -> Self:
        """The teacher of `arrays()`, to the bit."""
        kept = {name: np.array(arrays[name], np.float64) for name in _KEPT}
        return cls(design=design, **kept)


def fit_teacher(rows: Rows, design: StandardDesign, config: Distillation) -> Teacher:
    """On at most `teacher_rows` rows spread over those given.

    Raises:
        SuperiorError: the optimum was not reached.
    """
    count = min(config.teacher_rows, len(rows.features))
    at = np.linspace(0, len(rows.features) - 1, count).astype(np.intp)
    A, mean, scale = _standardised(rows.features[at], design)
    Y = rows.target[at].astype(np.float64)
    V = np.zeros((A.shape[1], Y.shape[1]))
    loss, G = _objective(A, Y, V, config.teacher_l2)
    factors: list[Any] = []
    for _ in range(NEWTON_STEPS):
        if np.abs(G).max() <= GRADIENT:
            return Teacher(design, mean, scale, V[:-1], V[-1])
        factors = factors or [_factor(A, v, config.teacher_l2) for v in V.T]
        before = np.abs(G).max()
        V, loss, G = _descend(A, Y, V, (loss, G), factors, config.teacher_l2)
        if np.abs(G).max() > SLOW * before:
            factors = []
    raise SuperiorError(
        f"the teacher is not at its optimum after {NEWTON_STEPS} steps (gradient "
        f"{np.abs(G).max():.1e}): give distillation.teacher_l2 a larger value than "
        f"{config.teacher_l2}"
    )


def soft_targets(teacher: Teacher, features: np.ndarray, temperature: float) -> np.ndarray:
    """(n, K) float32: the teacher's probabilities at the temperature, for (n, F) raw features."""
    return sigmoid(teacher.logits(features) / temperature).astype(np.float32)


def _products(features: np.ndarray, design: StandardDesign) -> np.ndarray:
    """(n, m) float32: the design's features and gradients, standardised, and their products."""
    columns = columns_of_features(design)
    raw = features[:, list(design.feature_index)]
    z = ((raw - design.mean[columns]) / design.scale[columns]).astype(np.float32)
    left, right = np.triu_indices(len(columns))
    return np.hstack([z, z[:, left] * z[:, right]])


def columns_of_features(design: StandardDesign) -> list[int]:
    """Of the design's columns those that are features or gradients, not squares: (f,)."""
    b, f, d = len(design.base), len(design.feature_index), len(design.columns)
    return [*range(b), *range(d - (f - b), d)]


def _standardised(
    features: np.ndarray, design: StandardDesign
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features and products (n, m + 1) float32, ones last, and the mean and scale of the m columns;
    in blocks, so that there is one such matrix in memory."""
    f = len(design.feature_index)
    A = np.ones((len(features), f + f * (f + 1) // 2 + 1), np.float32)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(A), BLOCK)]
    mean, square = np.zeros(A.shape[1] - 1), np.zeros(A.shape[1] - 1)
    for rows in blocks:
        A[rows, :-1] = _products(features[rows], design)
        mean += A[rows, :-1].sum(axis=0, dtype=np.float64) / len(A)
    for rows in blocks:
        square += np.square(A[rows, :-1] - mean).sum(axis=0) / len(A)
    scale = np.where(square > SMALLEST**2, np.sqrt(square), 1.0)
    for rows in blocks:
        A[rows, :-1] = (A[rows, :-1] - mean) / scale
    return A, mean, scale


def _objective(
    A: np.ndarray, Y: np.ndarray, V: np.ndarray, l2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean cross-entropy + l2 |w|^2 / 2 of each class (K,), and its gradient (m + 1, K)."""
    loss, G = np.zeros(Y.shape[1]), np.zeros(V.shape)
    for start in range(0, len(A), BLOCK):
        x, y = A[start : start + BLOCK].astype(np.float64), Y[start : start + BLOCK]
        z = x @ V
        loss += cross_entropies(z, y).sum(axis=0)
        G += x.T @ (sigmoid(z) - y)
    w = V[:-1]
    G = G / len(A)
    G[:-1] += l2 * w
    return loss / len(A) + 0.5 * l2 * np.square(w).sum(axis=0), G


def _factor(A: np.ndarray, v: np.ndarray, l2: float) -> Any:
    """Cholesky's, of the Hessian at v (m + 1,)."""
    from scipy.linalg import cho_factor

    H = np.zeros((len(v), len(v)))
    for start in range(0, len(A), BLOCK):
        x = A[start : start + BLOCK]
        p = sigmoid(x @ v.astype(np.float32))
        scaled = x * np.sqrt(p * (1 - p))[:, None]
        H += scaled.T @ scaled
    H /= len(A)
    H[np.diag_indices(len(H))] += RIDGE * np.trace(H) / len(H) + np.finfo(np.float64).tiny
    H[np.diag_indices(len(H) - 1)] += l2
    return cho_factor(H)


def _descend(
    A: np.ndarray,
    Y: np.ndarray,
    V: np.ndarray,
    at: tuple[np.ndarray, np.ndarray],
    factors: list[Any],
    l2: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of each class, halved until its loss does not grow."""
    from scipy.linalg import cho_solve

    loss, G = at
    move = np.stack([cho_solve(of, g) for of, g in zip(factors, G.T, strict=True)], axis=1)
    part = np.ones(V.shape[1])
    for _ in range(HALVINGS):
        to = V - part * move
        new_loss, new_G = _objective(A, Y, to, l2)
        higher = new_loss > loss + ROUNDING
        if not higher.any():
            break
        part = np.where(higher, part / 2, part)
    return to, new_loss, new_G
