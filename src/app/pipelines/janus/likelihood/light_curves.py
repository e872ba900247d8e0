"""Supernovae whose stretch and colour coefficients are free, with their covariance matrices:

    C(alpha, beta) = V0 + alpha^2 Va + beta^2 Vb + 2 alpha V0a - 2 beta V0b - 2 alpha beta Vab
        + diag(dmb^2 + (alpha dx1)^2 + (beta dcolor)^2
               + 2 alpha cov_m_s - 2 beta cov_m_c - 2 alpha beta cov_s_c + further)

(Betoule et al. 2014, eq. 11 to 13).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.datasets.observations.kinds import LightCurves
from app.errors import InputError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.likelihood.dense import Dense
from app.pipelines.janus.likelihood.diagram import Diagram


def variances(data: LightCurves, alpha: Array, beta: Array) -> Array:
    """The diagonal part; alpha and beta (w, 1): (w, n)."""
    return np.asarray(
        data.dmb**2
        + (alpha * data.dx1) ** 2
        + (beta * data.dcolor) ** 2
        + 2.0 * alpha * data.cov_m_s
        - 2.0 * beta * data.cov_m_c
        - 2.0 * alpha * beta * data.cov_s_c
        + data.further
    )


def covariance(data: LightCurves, alpha: float, beta: float) -> Array:
    """(n, n), or (n,) where there are no matrices."""
    diagonal: Array = variances(data, np.array([[alpha]]), np.array([[beta]]))[0]
    if not data.blocks:
        return diagonal
    v = data.blocks
    C: Array = v["v0"] + alpha**2 * v["va"] + beta**2 * v["vb"] + 2.0 * alpha * v["v0a"]
    C -= 2.0 * beta * v["v0b"] + 2.0 * alpha * beta * v["vab"]
    C[np.diag_indices_from(C)] += diagonal
    return C


@dataclass(frozen=True)
class Standardisation:
    """Where alpha, beta and the intrinsic scatter are: a column of theta, or a number."""

    data: LightCurves
    alpha: int | float
    beta: int | float
    scatter: int | float

    def values(self, theta: Array) -> tuple[Array, Array, Array]:
        """alpha, beta, scatter: (w, 1) each."""
        alpha, beta, scatter = (
            theta[:, one, None] if isinstance(one, int) else np.full((len(theta), 1), one)
            for one in (self.alpha, self.beta, self.scatter)
        )
        return alpha, beta, scatter

    def variances(self, theta: Array) -> Array:
        """(w, n), of light curves without matrices."""
        alpha, beta, scatter = self.values(theta)
        return variances(self.data, alpha, beta) + scatter**2

    def covariance(self, row: Array) -> Array:
        """(n, n), of light curves with matrices."""
        alpha, beta, scatter = (float(one[0, 0]) for one in self.values(row[None]))
        C = covariance(self.data, alpha, beta)
        C[np.diag_indices_from(C)] += scatter**2
        return C


class Direct:
    """Exact: a Cholesky factor for every parameter vector."""

    def __init__(self, diagram: Diagram, standardisation: Standardisation) -> None:
        self.diagram, self._standardisation = diagram, standardisation

    def log_likelihood(self, theta: Array) -> Array:
        """(w,): as `Dense.log_likelihood`, with the covariance of each vector."""
        chi2, log_norm = self._of(theta)
        return log_norm - 0.5 * chi2

    def chi2(self, theta: Array) -> Array:
        """(w,), at the best offsets."""
        return self._of(theta)[0]

    def _of(self, theta: Array) -> tuple[Array, Array]:
        residuals = self.diagram.residuals(theta)
        chi2, log_norm = np.empty(len(theta)), np.empty(len(theta))
        for number, (row, residual) in enumerate(zip(theta, residuals, strict=True)):
            dense = self.at(row)
            white = dense.projected(residual[:, None])[:, 0]
            chi2[number], log_norm[number] = white @ white, dense.log_norm
        return chi2, log_norm

    def offsets(self, theta: Array) -> Array:
        """(w, s)."""
        return self._each(theta, Dense.offsets)

    def pointwise(self, theta: Array) -> Array:
        """(w, n): as `Dense.pointwise`."""
        return self._each(theta, Dense.pointwise)

    def at(self, row: Array) -> Dense:
        """With the covariance of one vector (number of names,).

        Raises:
            InputError: it is not positive definite.
        """
        try:
            return Dense(self.diagram, self._standardisation.covariance(row))
        except InputError as error:
            alpha, beta, _ = (float(one[0, 0]) for one in self._standardisation.values(row[None]))
            raise InputError(f"at alpha={alpha:.4g}, beta={beta:.4g}: {error}") from None

    def _each(self, theta: Array, of: Callable[[Dense, Array], Array]) -> Array:
        return np.concatenate([of(self.at(row), row[None]) for row in theta])
