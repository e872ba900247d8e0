"""chi2 of a Hubble diagram with the model's distance at every redshift and the whole covariance:
what `compressed` is held against, and what does the work where a model is not smooth.

Residuals of all parameter vectors are multiplied at once by the inverse of the Cholesky factor of
C (BLAS dtrmm: half the work of a product with C^-1).
"""

from functools import cached_property

import numpy as np

from app.errors import InputError
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.likelihood.diagram import Diagram
from app.pipelines.janus.likelihood.part import LN_2PI


class Whitening:
    """L^-1 of C = L L^T; C is (n, n), or (n,) where it is diagonal.

    Raises:
        InputError: C is not positive definite.
    """

    def __init__(self, covariance: Array, name: str) -> None:
        self.lower: Array | None = None
        if covariance.ndim == 1:
            if not (covariance > 0.0).all():
                raise not_positive(name, float(covariance.min()), "smallest variance")
            self.sd = np.sqrt(covariance)
        else:
            try:
                self.lower = np.asfortranarray(np.linalg.cholesky(covariance))
            except np.linalg.LinAlgError:
                smallest = float(np.linalg.eigvalsh(covariance)[0])
                raise not_positive(name, smallest) from None
            self.sd = np.diagonal(self.lower)
        self.log_det = 2.0 * float(np.log(self.sd).sum())

    def __call__(self, columns: Array) -> Array:
        """L^-1 columns, (n, k)."""
        if self.lower is None:
            return columns / self.sd[:, None]
        from scipy.linalg import solve_triangular

        solved: Array = solve_triangular(self.lower, columns, lower=True, check_finite=False)
        return solved

    def inverse(self) -> Array:
        """L^-1, (n, n), of a covariance that is not diagonal."""
        from scipy.linalg.lapack import dtrtri

        inverse: Array = dtrtri(self.lower, lower=1)[0]  # above its diagonal the zeros of L
        return inverse


def not_positive(name: str, smallest: float, which: str = "smallest eigenvalue") -> InputError:
    return InputError(
        f"{name}: its covariance is not positive definite ({which}: {smallest:.3g})\n"
        "  is the matrix complete, does it have the statistical errors (add_sd: true), and are its "
        "rows those of the table?"
    )


class Dense:
    """Exact, for any model; of a constant covariance."""

    def __init__(self, diagram: Diagram, covariance: Array) -> None:
        self.diagram = diagram
        self._whitening = Whitening(covariance, diagram.name)
        self._Q, self._R = np.linalg.qr(self._whitening(diagram.A))
        self.log_norm = self._log_norm()

    def log_likelihood(self, theta: Array) -> Array:
        """(w,): -chi2/2 - ln det(2 pi C)/2, and + ln det(2 pi (A^T C^-1 A)^-1)/2 where offsets
        are marginalised."""
        return self.log_norm - 0.5 * self.chi2(theta)

    def chi2(self, theta: Array) -> Array:
        """(w,), at the best offsets."""
        white = self._whitened(self.diagram.residuals(theta))
        chi2: Array = np.einsum("nw,nw->w", white, white)
        if self.diagram.A.shape[1]:
            of_offset = self._Q.T @ white
            chi2 -= np.einsum("sw,sw->w", of_offset, of_offset)
        return chi2

    def offsets(self, theta: Array) -> Array:
        """(w, s): the best of each survey, beside `Diagram.centre`."""
        white = self._whitened(self.diagram.residuals(theta))
        best: Array = np.linalg.solve(self._R, self._Q.T @ white).T
        return best

    def projected(self, columns: Array) -> Array:
        """(n, k): L^-1 columns, less all that offsets can give."""
        white = self._whitening(columns)
        white -= self._Q @ (self._Q.T @ white)
        return white

    def pointwise(self, theta: Array) -> Array:
        """(w, n): of each supernova given all others, offsets marginalised as in ln L; at the best
        offsets where they are not."""
        residual = self.diagram.residuals(theta) - self.offsets(theta) @ self.diagram.A.T
        if self._whitening.lower is None:
            precision = self._whitening.sd**-2
            weighted, of_offsets = residual * precision, self._Q / self._whitening.sd[:, None]
        else:
            precision = np.diagonal(self._precision)
            weighted, of_offsets = residual @ self._precision, self._inverse.T @ self._Q
        if self.diagram.offset == "marginalised":
            # `weighted` is of the projected precision as it is: residuals are less their offsets
            precision = precision - (of_offsets**2).sum(axis=1)
        return conditional(weighted, precision, self.diagram.undetermined)

    @cached_property
    def _inverse(self) -> Array:
        return self._whitening.inverse()

    @cached_property
    def _precision(self) -> Array:
        precision: Array = self._inverse.T @ self._inverse
        return precision

    def _whitened(self, residual: Array) -> Array:
        """(n, w)."""
        if self._whitening.lower is None:
            return residual.T / self._whitening.sd[:, None]
        from scipy.linalg.blas import dtrmm

        white: Array = dtrmm(1.0, self._inverse, residual.T, lower=1, overwrite_b=1)
        return white

    def _log_norm(self) -> float:
        """What ln L has beside -chi2/2; R^T R = A^T C^-1 A."""
        norm = -0.5 * (self.diagram.count * LN_2PI + self._whitening.log_det)
        if self.diagram.offset == "marginalised":
            norm += 0.5 * self.diagram.A.shape[1] * LN_2PI
            norm -= float(np.log(np.abs(np.diagonal(self._R))).sum())
        return norm


def conditional(weighted: Array, precision: Array, undetermined: Mask | None = None) -> Array:
    """ln p(datum | all others), (w, n), from P r (w, n) and the diagonal of P, (n,) or (w, n).

    P = C^-1 where the mean is known (Sundararajan & Keerthi 2001, eq. 12). Where offsets A o have a
    flat prior the mean of a datum is fitted to the others: P = C^-1 - C^-1 A (A^T C^-1 A)^-1 A^T
    C^-1, the limit of (C + s^2 A A^T)^-1 for s -> infinity. `undetermined` (n,): data of which the
    others say nothing; they have no density, and count 0.
    """
    if undetermined is None or not undetermined.any():
        return 0.5 * (np.log(precision) - LN_2PI - weighted * weighted / precision)
    safe = np.where(undetermined, 1.0, precision)
    of_others = 0.5 * (np.log(safe) - LN_2PI - weighted * weighted / safe)
    return np.where(undetermined, 0.0, of_others)
