"""Distances of a model from their values at Chebyshev nodes.

5 log10(D_M H0/(c z)) is smooth in z: K values give it everywhere, to rounding. Where K are too few
(a distance is not smooth at the edge of its model's domain) the last Chebyshev coefficients do not
vanish, and tell which parameter vectors are to be computed otherwise.
"""

import numpy as np
from numpy.polynomial.chebyshev import chebvander

from app.pipelines.janus.cosmology.distances import at
from app.pipelines.janus.cosmology.model import Array, Mask, Model
from app.pipelines.janus.cosmology.nodes import Nodes

ROUNDING = 1e-13  # magnitudes: coefficients that are no larger are those of rounding
SIZES = (32, 64, 128)


class Spectral:
    """Values at `count` nodes of [0, the highest redshift], enough where the last coefficients
    are at most `limit`."""

    def __init__(self, model: Model, z: Array, count: int, limit: float = np.inf) -> None:
        z_max = float(z.max())
        nodes = Nodes(z_max, count)
        self.count, self.limit = count, limit
        self.P = nodes.interpolation(z)  # (n, K)
        self.at_nodes = model.on_nodes(z_max, count)  # theta (w, d) -> (w, K)
        coefficients = np.linalg.inv(chebvander(2.0 * nodes.z / z_max - 1.0, count - 1))
        self.last = coefficients[-2:]  # (2, K): values at the nodes -> their last two coefficients

    def tail(self, F: Array) -> Array:
        """(w,): the larger of the last two coefficients, magnitudes."""
        tail: Array = np.abs(F @ self.last.T).max(axis=1)
        return tail

    def is_enough(self, F: Array) -> Mask:
        """(w,): whether the nodes are; False where the model does not exist."""
        enough: Mask = self.tail(F) <= self.limit
        return enough


class Distances:
    """5 log10(D_M H0/(c z)) at redshifts z (n,), to 1e-12: theta (w, d) -> (w, n).

    By nodes wherever they are enough, as the model itself tells them elsewhere; NaN where it does
    not exist. `vectors` (v, d) choose the number of nodes.
    """

    def __init__(self, model: Model, z: Array, vectors: Array) -> None:
        self.model, self.z = model, z
        self._spectral: Spectral | None = None
        for count in SIZES:
            spectral = Spectral(model, z, count, ROUNDING)
            if spectral.is_enough(spectral.at_nodes(vectors)).mean() >= 0.9:
                self._spectral = spectral
                break

    def __call__(self, theta: Array) -> Array:
        if self._spectral is None:
            return at(self.model, self.z, theta)
        F = self._spectral.at_nodes(theta)
        values: Array = F @ self._spectral.P.T
        again = ~self._spectral.is_enough(F)
        if again.any():
            values[again] = at(self.model, self.z, theta[again])
        return values
