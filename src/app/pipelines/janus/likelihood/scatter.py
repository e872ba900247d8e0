"""A Hubble diagram whose variances depend on the parameters, in a basis that does not.

With an intrinsic scatter the covariance is C + sigma^2 1: the eigenvectors of C diagonalise it for
every sigma, and are computed once. Light curves without covariance matrices are diagonal as they
are, whatever alpha, beta and sigma. No Cholesky factor is computed for a parameter vector.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.likelihood.dense import conditional, not_positive
from app.pipelines.janus.likelihood.diagram import Diagram
from app.pipelines.janus.likelihood.part import LN_2PI
from app.pipelines.janus.likelihood.spectral import Spectral


class Basis:
    """Eigenvectors of a covariance (None: it is diagonal), and variances (w, n) along them.

    Raises:
        InputError: the covariance is not positive definite.
    """

    def __init__(self, V: Array | None, variances: Callable[[Array], Array]) -> None:
        self.V = V
        self.variances = variances

    @classmethod
    def with_scatter(cls, covariance: Array, column: int, name: str) -> "Basis":
        """Of C + sigma^2 1, sigma in theta's `column`."""
        if covariance.ndim == 1:
            values, V = covariance, None
        else:
            values, V = np.linalg.eigh(covariance)
        if not float(values.min()) > 0.0:
            raise not_positive(name, float(values.min()))
        return cls(V, lambda theta: values + theta[:, column, None] ** 2)

    def rotated(self, rows: Array) -> Array:
        """(k, n), each row along the eigenvectors."""
        return rows if self.V is None else rows @ self.V


class Weighted:
    """chi2 and normalisation in the basis; distances at every redshift where `spectral` is None."""

    def __init__(self, diagram: Diagram, basis: Basis, spectral: Spectral | None = None) -> None:
        self.diagram, self._basis, self._spectral = diagram, basis, spectral
        self._A = basis.rotated(diagram.A.T).T  # (n, s)
        n, s = diagram.A.shape
        self._AA = (self._A[:, :, None] * self._A[:, None, :]).reshape(n, s * s)
        if spectral is not None:
            self._exact = Weighted(diagram, basis)
            self._y = basis.rotated(diagram.y[None])
            self._B = basis.rotated(np.vstack([diagram.X.T, -spectral.P.T]))  # (m + K, n)

    def log_likelihood(self, theta: Array) -> Array:
        """(w,): -chi2/2 - ln det(2 pi C)/2, and + ln det(2 pi (A^T C^-1 A)^-1)/2 where offsets
        are marginalised; C is that of each vector."""
        if self._spectral is None:
            return self._of(theta, self._basis.rotated(self.diagram.residuals(theta)))[1]
        F = self._spectral.at_nodes(self.diagram.layout.of_model(theta))
        u = np.concatenate([self.diagram.coefficients(theta), F], axis=1)
        value = self._of(theta, self._y + u @ self._B)[1]
        again = ~self._spectral.is_enough(F)
        if again.any():
            value[again] = self._exact.log_likelihood(theta[again])
        return value

    def chi2(self, theta: Array) -> Array:
        """(w,), at the best offsets, in units of the errors with their scatter."""
        return self._of(theta, self._basis.rotated(self.diagram.residuals(theta)))[0]

    def offsets(self, theta: Array) -> Array:
        """(w, s)."""
        rotated = self._basis.rotated(self.diagram.residuals(theta))
        normal, right = self._normal(rotated, 1.0 / self._basis.variances(theta))
        return _solved(normal, right)

    def pointwise(self, theta: Array) -> Array:
        """(w, n): as `Dense.pointwise`, with the covariance of each vector."""
        rotated = self._basis.rotated(self.diagram.residuals(theta))
        weight = 1.0 / self._basis.variances(theta)
        normal, right = self._normal(rotated, weight)
        weighted = (rotated - _solved(normal, right) @ self._A.T) * weight
        V = self._basis.V
        precision = weight if V is None else weight @ (V * V).T
        if V is not None:
            weighted = weighted @ V.T
        if self.diagram.offset == "marginalised":
            precision = precision - self._of_offsets(normal, weight)
        return conditional(weighted, precision, self.diagram.undetermined)

    def _of(self, theta: Array, rotated: Array) -> tuple[Array, Array]:
        """chi2 and ln L, (w,) each."""
        variances = self._basis.variances(theta)
        weight = 1.0 / variances
        chi2: Array = np.einsum("wn,wn,wn->w", rotated, rotated, weight)
        log_det: Array = np.log(variances).sum(axis=1)
        log_norm = -0.5 * (self.diagram.count * LN_2PI + log_det)
        s = self._A.shape[1]
        if s:
            normal, right = self._normal(rotated, weight)
            chi2 -= np.einsum("ws,ws->w", right, _solved(normal, right))
            if self.diagram.offset == "marginalised":
                log_norm += 0.5 * (s * LN_2PI - np.linalg.slogdet(normal)[1])
        return chi2, log_norm - 0.5 * chi2

    def _of_offsets(self, normal: Array, weight: Array) -> Array:
        """(w, n): diagonal of C^-1 A (A^T C^-1 A)^-1 A^T C^-1."""
        V = self._basis.V
        of_surveys = weight[:, None] * self._A.T  # (w, s, n)
        columns = of_surveys
        if V is not None:  # one product, of all rows
            columns = (of_surveys.reshape(-1, len(V)) @ V.T).reshape(of_surveys.shape)
        found: Array = np.einsum("wsn,wsn->wn", columns, np.linalg.solve(normal, columns))
        return found

    def _normal(self, rotated: Array, weight: Array) -> tuple[Array, Array]:
        """A^T C^-1 A (w, s, s) and A^T C^-1 r (w, s)."""
        s = self._A.shape[1]
        return (weight @ self._AA).reshape(len(weight), s, s), (rotated * weight) @ self._A


def _solved(normal: Array, right: Array) -> Array:
    solved: Any = np.linalg.solve(normal, right[:, :, None])
    return np.asarray(solved[:, :, 0])
