"""The likelihood of light curves with covariance matrices, alpha and beta free, without a Cholesky
factor for each vector.

The products of residuals' columns with C^-1, and ln det C, are smooth functions of alpha and beta:
they are computed on a tensor grid of Chebyshev nodes, and interpolated.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.likelihood.compressed import Compressed, choose
from app.pipelines.janus.likelihood.light_curves import Direct, Standardisation
from app.pipelines.janus.likelihood.part import Setting
from app.pipelines.janus.likelihood.spectral import Spectral
from app.pipelines.janus.likelihood.unreached import NOT_SMOOTH, refuse_or_say

FACTORS = 48  # vectors at which a grid is held against the covariance, factorised for each
GRIDS = (11, 15, 21)  # nodes of each: 5e-7, 1e-9 and 3e-12 off in chi2 of 740 made light curves


def gram_of(
    exact: Direct, standardisation: Standardisation, setting: Setting
) -> tuple["Gram", dict[str, Any]] | None:
    """The smallest grid that reaches the tolerance, and what is told of it; None where none does.

    Raises:
        ConfigError: none does, and `method: compressed`.
        InputError: a covariance on the grid is not positive definite.
    """
    of_data, config, vectors = exact.diagram, setting.config, setting.vectors
    middle = np.median(vectors, axis=0)
    at_middle = exact.at(middle)
    fit = choose(lambda s: Compressed(at_middle, s), at_middle, of_data, vectors, config.tolerance)
    if fit is None:
        refuse_or_say(of_data.name, config, NOT_SMOOTH)
        return None
    spectral = Spectral(setting.model, of_data.z, fit.nodes, fit.limit)
    free = [one for one in (standardisation.alpha, standardisation.beta) if isinstance(one, int)]
    names = [setting.layout.names[column] for column in free]
    ranges = {
        column: _wide(*setting.ranges[name]) for column, name in zip(free, names, strict=True)
    }
    vectors = vectors[:FACTORS]
    expected, error = exact.log_likelihood(vectors), np.inf
    for size in GRIDS:
        gram = Gram(exact, spectral, ranges, middle, size)
        error = 2.0 * float(np.abs(gram.log_likelihood(vectors) - expected).max())
        if error < config.tolerance:
            told = {"method": "compressed", "nodes": fit.nodes, "grid": [size] * len(free)}
            return gram, told | {"measured_error": error}
    why = f"interpolated in {' and '.join(names)} on {GRIDS[-1]} nodes it is {error:.1e} off"
    refuse_or_say(of_data.name, config, why)
    return None


def _wide(low: float, high: float) -> tuple[float, float]:
    """An interval to interpolate on, of a parameter that may be fixed."""
    least = 1e-6 * max(abs(low), abs(high), 1.0)
    return (low, high) if high - low > least else (low - least, high + least)


class Gram:
    """chi2 = u^T G u, u = (1, t - t0, F - F0): G(alpha, beta), offsets projected out of it, and
    the normalisation are interpolated in `ranges` (column of theta -> low, high) of alpha and beta;
    vectors outside of them are computed by `exact`."""

    def __init__(
        self,
        exact: Direct,
        spectral: Spectral,
        ranges: Mapping[int, tuple[float, float]],
        middle: Array,
        size: int,
    ) -> None:
        self._exact, self._spectral = exact, spectral
        diagram = self.diagram = exact.diagram
        self._columns = list(ranges)
        self._low, self._high = np.array(list(ranges.values())).T
        self._size = size
        # u is small where residuals are: their squares then lose no digits
        self._F0 = spectral.at_nodes(diagram.layout.of_model(middle[None]))[0]
        self._t0 = diagram.coefficients(middle[None])[0]
        y = diagram.y + diagram.X @ self._t0 - spectral.P @ self._F0
        B = np.column_stack([y, diagram.X, -spectral.P])
        self._pairs = np.triu_indices(B.shape[1])
        self._twice = np.where(self._pairs[0] == self._pairs[1], 1.0, 2.0)
        t = np.cos(np.pi * (np.arange(size) + 0.5) / size)
        self._to_coefficients = np.linalg.inv(chebvander(t, size - 1)).T
        points = np.stack(np.meshgrid(*[t] * len(ranges), indexing="ij"), axis=-1)
        self._table = np.array(
            [self._entries(middle, B, point) for point in points.reshape(-1, len(ranges))]
        )

    def _entries(self, middle: Array, B: Array, point: Array) -> Array:
        row = middle.copy()
        row[self._columns] = 0.5 * (self._low + self._high + (self._high - self._low) * point)
        dense = self._exact.at(row)
        white = dense.projected(B)
        gram = white.T @ white
        return np.concatenate([gram[self._pairs], [dense.log_norm]])

    def log_likelihood(self, theta: Array) -> Array:
        """(w,): normalised as `Dense.log_likelihood`."""
        return self._of(theta)[1]

    def chi2(self, theta: Array) -> Array:
        """(w,), at the best offsets."""
        return self._of(theta)[0]

    def _of(self, theta: Array) -> tuple[Array, Array]:
        """chi2 and ln L, (w,) each."""
        F = self._spectral.at_nodes(self.diagram.layout.of_model(theta))
        t = self.diagram.coefficients(theta)
        u = np.concatenate([np.ones((len(theta), 1)), t - self._t0, F - self._F0], axis=1)
        x = (2.0 * theta[:, self._columns] - self._low - self._high) / (self._high - self._low)
        entries = self._between(x) @ self._table
        i, j = self._pairs
        chi2: Array = np.einsum("wp,wp->w", u[:, i] * u[:, j] * self._twice, entries[:, :-1])
        log_likelihood: Array = entries[:, -1] - 0.5 * chi2
        again = ~self._spectral.is_enough(F) | (np.abs(x) > 1.0).any(axis=1)
        if again.any():
            chi2[again] = self._exact.chi2(theta[again])
            log_likelihood[again] = self._exact.log_likelihood(theta[again])
        return chi2, log_likelihood

    def _between(self, x: Array) -> Array:
        """(w, nodes of the grid): what each node's value counts at x."""
        share = np.ones((len(x), 1))
        for column in x.T:
            of_one = (
                chebvander(np.clip(column, -1.0, 1.0), self._size - 1) @ self._to_coefficients.T
            )
            share = (share[:, :, None] * of_one[:, None, :]).reshape(len(x), -1)
        return share
