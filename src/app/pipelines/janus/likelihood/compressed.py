"""chi2 of a Hubble diagram from a few numbers.

5 log10 of a distance is smooth in z: its values F at K Chebyshev nodes give it everywhere, g = P F.
With the columns of [P, X] whitened by the Cholesky factor of C, freed of the offsets and brought to
triangular form Q R once, chi2 = rest + |R [t, F] - q|^2, whatever the number of supernovae.

K goes up (8, 12, 16, 24, 32, 48, 64, 96) until chi2 agrees with the whole covariance at a thousand
random vectors: the error is largest in the corners of the prior, which few of them hit. Where K
nodes are too few (at the edge of a model's domain the distance is not smooth) the last Chebyshev
coefficients of F do not vanish: such vectors are told by them, and computed densely.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.likelihood.dense import Dense
from app.pipelines.janus.likelihood.diagram import Diagram
from app.pipelines.janus.likelihood.engine import Engine
from app.pipelines.janus.likelihood.spectral import ROUNDING, Spectral

SIZES = (8, 12, 16, 24, 32, 48, 64, 96)
MARGIN = 100.0  # between the coefficients that are trusted and those seen to fail
DIGITS = 1e-14  # of ln L: all that sums of float64 have, be it in one way or the other
FEW = 0.9  # share of vectors that nodes must do for, or more are taken


class Compressed:
    """Of a constant covariance."""

    def __init__(self, dense: Dense, spectral: Spectral) -> None:
        self._dense, self._spectral = dense, spectral
        diagram = dense.diagram
        self._diagram, self._layout = diagram, diagram.layout
        white = dense.projected(np.column_stack([diagram.y, -diagram.X, spectral.P]))
        y, B = white[:, 0], white[:, 1:]
        Q, R = np.linalg.qr(B)
        q = Q.T @ y
        rest = y - Q @ q
        m = diagram.X.shape[1]
        # ln L = constant - |R u - q|^2 with 1/sqrt(2) inside; the last two columns are the tail's,
        # whose squares are no more than rounding wherever they count
        self._R = np.ascontiguousarray(
            np.vstack([R / np.sqrt(2.0), np.pad(spectral.last, ((0, 0), (m, 0)))]).T
        )
        self._q = np.concatenate([q / np.sqrt(2.0), np.zeros(2)])
        self._constant = dense.log_norm - 0.5 * float(rest @ rest)

    def log_likelihood(self, theta: Array) -> Array:
        """(w,), normalised as `Dense.log_likelihood`."""
        u = self._spectral.at_nodes(theta[:, : self._layout.n_model])
        if self._diagram.terms:
            u = np.concatenate([self._diagram.coefficients(theta), u], axis=1)
        Y = u @ self._R
        Y -= self._q
        value: Array = self._constant - np.einsum("wk,wk->w", Y, Y)
        tail = Y[:, -2:]
        # not <=: a NaN is to be found, too
        if not (
            tail.max(initial=0.0) <= self._spectral.limit
            and tail.min(initial=0.0) >= -self._spectral.limit
        ):
            again = ~(np.abs(tail).max(axis=1) <= self._spectral.limit)
            value[again] = self._dense.log_likelihood(theta[again])
        return value

    def chi2(self, theta: Array) -> Array:
        """(w,), at the best offsets."""
        return 2.0 * (self._dense.log_norm - self.log_likelihood(theta))


@dataclass(frozen=True)
class Fit:
    """How well a number of nodes does."""

    nodes: int
    limit: float  # of the last coefficients
    error: float  # largest in -2 ln L where the nodes are enough
    share: float  # of the vectors for which they are


def choose(
    make: Callable[[Spectral], Engine],
    exact: Engine,
    diagram: Diagram,
    vectors: Array,
    tolerance: float,
) -> Fit | None:
    """The fewest nodes with which -2 ln L is within `tolerance` of `exact` at all `vectors` that
    are not told by their last coefficients, these being few; None where no number does."""
    expected = exact.log_likelihood(vectors)
    best: Fit | None = None
    for count in SIZES:
        spectral = Spectral(diagram.distances.model, diagram.z, count)
        errors = 2.0 * np.abs(make(spectral).log_likelihood(vectors) - expected)
        tails = spectral.tail(spectral.at_nodes(diagram.layout.of_model(vectors)))
        found = _fit(count, errors, tails, tolerance + DIGITS * np.abs(expected))
        if best is None or found.share > best.share:
            best = found
        if best.share >= FEW:
            break
    return best if best is not None and best.share >= 0.5 else None


def _fit(count: int, errors: Array, tails: Array, tolerance: Array) -> Fit:
    fails = ~(errors < tolerance)
    limit = max(float(tails.max(initial=0.0)), ROUNDING)
    if fails.any():
        limit = float(tails[fails].min()) / MARGIN
    enough = tails <= limit
    return Fit(count, limit, float(errors[enough].max(initial=0.0)), float(enough.mean()))
