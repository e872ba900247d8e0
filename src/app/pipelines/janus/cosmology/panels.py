"""Integrals from 0 to many points at once, for many integrands: Gauss-Legendre on panels.

Every row of integrands meets the same panels; a row they do not resolve (it comes near a
singularity) is integrated again on panels halved where that row needs it, alone, so that a row's
value does not depend on which others it came with.
"""

from collections.abc import Callable

import numpy as np
from numpy.polynomial import legendre

from app.pipelines.janus.cosmology.model import Array, Mask

ORDER = 16
_POINTS, _WEIGHTS = legendre.leggauss(ORDER)
# values at the points -> coefficients of the Legendre series
_SERIES = (legendre.legvander(_POINTS, ORDER - 1) * _WEIGHTS[:, None] * (np.arange(ORDER) + 0.5)).T
_INNER_POINTS, _INNER_WEIGHTS = legendre.leggauss(ORDER // 2)

# of integrands at (n,) points: (w, n) for all rows, or those of one row (1, n)
Integrands = Callable[[Array, slice], Array]


def integrals(
    integrands: Integrands, points: Array, edges: Array, tolerance: float, halvings: int
) -> tuple[Array, Mask]:
    """(w, k) integrals over [0, points_k], and (w,) which rows are resolved.

    `edges` of the first panels, from 0 to the last point or beyond; `tolerance` is a share of the
    integral over all of them; a panel is halved at most `halvings` times. Rows with a NaN
    anywhere on the panels are NaN altogether, and not resolved.
    """
    values = _values(integrands, edges, slice(None))
    bad = _unresolved(values, edges, tolerance)
    result = _cumulative(values, edges, points)
    resolved: Mask = np.logical_not(bad.any(axis=1))
    exists = np.isfinite(values).all(axis=(1, 2))
    result[~exists] = np.nan
    for row in np.flatnonzero(~resolved & exists):
        only = slice(int(row), int(row) + 1)
        result[only], resolved[row] = _refined(integrands, only, edges, points, tolerance, halvings)
    return result, resolved


def even(start: float, end: float, width: float) -> Array:
    """Edges of panels of this width at most."""
    return np.linspace(start, end, max(1, int(np.ceil((end - start) / width))) + 1)


def _refined(
    integrands: Integrands,
    row: slice,
    edges: Array,
    points: Array,
    tolerance: float,
    halvings: int,
) -> tuple[Array, bool]:
    values = _values(integrands, edges, row)
    bad = _unresolved(values, edges, tolerance)[0]
    for _ in range(halvings):
        if not bad.any():
            break
        edges = np.sort(np.concatenate([edges, 0.5 * (edges[:-1] + edges[1:])[bad]]))
        values = _values(integrands, edges, row)
        if not np.isfinite(values).all():
            return np.full((1, len(points)), np.nan), False
        bad = _unresolved(values, edges, tolerance)[0]
    return _cumulative(values, edges, points), not bad.any()


def _values(integrands: Integrands, edges: Array, rows: slice) -> Array:
    """(w, panels, ORDER)."""
    half = 0.5 * np.diff(edges)
    at = (edges[:-1] + half)[:, None] + half[:, None] * _POINTS
    values = integrands(at.ravel(), rows)
    return values.reshape(len(values), len(half), ORDER)


def _unresolved(values: Array, edges: Array, tolerance: float) -> Mask:
    """(w, panels): where the last two terms of the series still matter, or there is none."""
    half = 0.5 * np.diff(edges)
    with np.errstate(invalid="ignore"):
        total = np.abs((values @ _WEIGHTS) @ half)
        last = np.abs(values @ _SERIES[-2:].T).max(axis=2)
        fine = last * half <= tolerance * total[:, None]
    result: Mask = np.logical_not(fine)
    return result


def _cumulative(values: Array, edges: Array, points: Array) -> Array:
    """(w, k)."""
    half = 0.5 * np.diff(edges)
    before = np.zeros((len(values), len(edges)))
    np.cumsum((values @ _WEIGHTS) * half, axis=1, out=before[:, 1:])
    panel = np.clip(np.searchsorted(edges, points, side="right") - 1, 0, len(half) - 1)
    # [start, point] has a Gauss rule of its own on the panel's polynomial: a difference of
    # antiderivatives would lose digits for points near 0
    share = (points - edges[panel]) / (2.0 * half[panel])
    inner = np.outer(share, 1.0 + _INNER_POINTS) - 1.0
    series = legendre.legvander(inner, ORDER - 1)
    weights = np.einsum("g,kgj->kj", _INNER_WEIGHTS, series) @ _SERIES
    weights *= (share * half[panel])[:, None]
    result = before[:, panel]
    for index in np.unique(panel):
        here = panel == index
        result[:, here] += values[:, index] @ weights[here].T
    return result
