"""One step of prox-Newton for an elastic-net fit, and how far a fit is from its optimum."""

import numpy as np

from app.pipelines.vesuvius.compiled import compiled


def violations(V: np.ndarray, G: np.ndarray, l1: np.ndarray, l2: np.ndarray) -> np.ndarray:
    """(c,): how far each column is from the optimality conditions, largest over its coordinates.

    0 must be in the subdifferential: G + l2 w + l1 sign(w) = 0 where w is not 0, |G| <= l1 where
    it is, G = 0 for the intercept (the last row).
    """
    w, g = V[:-1], G[:-1] + l2 * V[:-1]
    of_weights = np.where(w != 0.0, np.abs(g + l1 * np.sign(w)), np.maximum(np.abs(g) - l1, 0.0))
    return np.asarray(np.maximum(of_weights.max(axis=0, initial=0.0), np.abs(G[-1])))


@compiled
def step(
    H: np.ndarray, g: np.ndarray, v: np.ndarray, l1: float, l2: float, accuracy: float, sweeps: int
) -> np.ndarray:
    """Minimises g'(u - v) + (u - v)' H (u - v) / 2 + l1 |u|_1 + l2 |u|^2 / 2 over u by coordinate
    descent, to `accuracy` of its gradient; the last coordinate is the intercept, without penalty.
    """
    size = v.size
    u, slope = v.copy(), g.copy()  # slope: of the smooth part without l2, at u
    for _ in range(sweeps):
        largest = 0.0
        for j in range(size):
            lasso = l1 if j < size - 1 else 0.0
            ridge = l2 if j < size - 1 else 0.0
            curvature = H[j, j] + ridge
            if curvature <= 0.0:
                continue
            pull = H[j, j] * u[j] - slope[j]
            to = 0.0
            if pull > lasso:
                to = (pull - lasso) / curvature
            elif pull < -lasso:
                to = (pull + lasso) / curvature
            move = to - u[j]
            if move != 0.0:
                for i in range(size):
                    slope[i] += H[j, i] * move
                u[j] = to
                largest = max(largest, abs(move) * curvature)
        if largest <= accuracy:
            break
    return u
