"""Ages by quadrature: H0 t(z) = int d ln(1+z') / E(z') up to the big bang or a bounce."""

from collections.abc import Callable

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.cosmology.panels import even, integrals

Square = Callable[[Array, Array], Array]  # (y (n,), theta (w, d)) -> (w, n): E^2 at 1 + z = e^y

DEEP = 30.0  # in ln(1+z) above the highest z: in a universe of matter e^-45 of the age is left
NEAR = 6.0  # in ln(1+z) above the highest z: where dark energy and curvature may still matter
STEP = 1e-3  # in ln(1+z), of the slope there


def age(square: Square, y: Array, theta: Array) -> Array:
    """(w, k): H0 t at ln(1+z) = y; NaN past a bounce, inf where the past does not end."""
    top = float(y.max()) + DEEP

    def integrands(depth: Array, rows: slice) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1.0 / np.sqrt(square(top - depth, theta[rows]))

    # far in the past E is a power of 1+z, which wide panels resolve
    far = even(0.0, DEEP - NEAR, 1.0)
    edges = np.concatenate([far[:-1], even(DEEP - NEAR, float((top - y).max()), 0.2)])
    result, resolved = integrals(integrands, top - y, edges, tolerance=1e-10, halvings=40)
    result += _before(square, top, theta)
    for row in np.flatnonzero(~resolved):
        only = theta[row : row + 1]
        if not np.isfinite(result[row]).all():
            result[row] = _age_since_bounce(square, y, only)
    return result


def _before(square: Square, top: float, theta: Array) -> Array:
    """(w, 1): the age at `top`, of an E that goes on as the power of 1+z it is there."""
    ends = square(np.array([top - STEP, top]), theta)
    with np.errstate(all="ignore"):
        slope = 0.5 * np.log(ends[:, 1:] / ends[:, :1]) / STEP
        rest = 1.0 / (np.sqrt(ends[:, 1:]) * slope)
    # E that does not grow with z has no beginning: de Sitter, or phantom energy and nothing else
    rest = np.where(slope > 1e-9, rest, np.inf)
    return np.asarray(np.where(ends[:, 1:] == np.inf, 0.0, rest))


def _age_since_bounce(square: Square, y: Array, theta: Array) -> Array:
    """(k,), of one row whose E^2 falls to 0 above the highest y; NaN where it does below it."""
    highest = float(y.max())
    bounce = _first_zero(square, highest, theta)
    if bounce is None:
        return np.full(len(y), np.nan)

    def integrands(root: Array, rows: slice) -> Array:
        # y = bounce - root^2: 1/E goes as 1/root there, which this takes away
        with np.errstate(invalid="ignore", divide="ignore"):
            return 2.0 * root / np.sqrt(square(bounce - root * root, theta))

    roots = np.sqrt(bounce - y)
    edges = even(0.0, float(roots.max()), 0.1)
    result, _ = integrals(integrands, roots, edges, tolerance=1e-11, halvings=8)
    first: Array = result[0]
    return first


def _first_zero(square: Square, start: float, theta: Array) -> float | None:
    """The least y >= `start` where E^2 falls to 0; None where it is not above 0 from y = 0 on."""
    below = np.linspace(0.0, start, 257)
    if not (square(below, theta)[0] > 0.0).all():
        return None
    above = start + np.linspace(0.0, DEEP, 6001)
    fallen = np.flatnonzero(~(square(above, theta)[0] > 0.0))
    if not fallen.size:
        return None
    low, high = float(above[fallen[0] - 1]), float(above[fallen[0]])
    for _ in range(60):
        middle = 0.5 * (low + high)
        if square(np.array([middle]), theta)[0, 0] > 0.0:
            low = middle
        else:
            high = middle
    return high
