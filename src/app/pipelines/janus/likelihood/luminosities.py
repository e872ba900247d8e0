"""UV luminosity functions: Schechter's, its parameters linear in z, seen through the volumes and
distances of the model under test.

A published point counts galaxies of apparent magnitude m in a solid angle and an interval of z, and
is told as density phi' at M' = m - mu'(z), with volume element V' and distance modulus mu' of a
fiducial cosmology. The same galaxies in the model: phi' V' = phi(M) V, M = M' + mu' - mu, so

    log10 phi'(M') = log10 phi(M' + mu' - mu) + log10(V/V')
    phi(M) = 0.4 ln 10 phi* x^(alpha + 1) exp(-x), x = 10^(-0.4 (M - M*))     (Schechter 1976)
    log_phi(z) = log10 phi* = log_phi + dlog_phi (z - 8), and so M_star, alpha_uv

V = dV/(dz dOmega) = (c/H) D_M^2, in every geometry.
"""

from typing import Any

import numpy as np

from app.datasets.observations.kinds import Luminosities
from app.pipelines.janus.cosmology.distances import distance_modulus, log_volume_element
from app.pipelines.janus.cosmology.model import Array, Model
from app.pipelines.janus.likelihood.part import LN_2PI, Layout
from app.pipelines.janus.likelihood.spectral import Distances

PIVOT = 8.0  # redshift of log_phi, M_star and alpha_uv
PARAMETERS = ("log_phi", "M_star", "alpha_uv", "dlog_phi", "dM_star", "dalpha_uv")


class LuminositiesPart:
    """ln L, summed over independent points.

    A measured point: a Gaussian of sd_up where the model is above it, of sd_down where it is below;
    the density is normalised, 2 / (sqrt(2 pi) (sd_up + sd_down)) at its top. A limit: the
    probability Phi((limit - model) / sd_up) that phi is below it. chi2: residuals squared, and
    -2 ln Phi of limits.
    """

    def __init__(self, data: Luminosities, model: Model, layout: Layout, vectors: Array) -> None:
        self.name = data.name
        self._data, self._model, self._layout = data, model, layout
        self._h0 = layout.column("H0")
        self._columns = [layout.column(name) for name in PARAMETERS]
        self._z, self._point = np.unique(data.z, return_inverse=True)
        self._distances = Distances(model, self._z, layout.of_model(vectors))
        self._mu, self._log_volume = self._fiducial()
        self._log_norm = np.where(
            data.is_upper_limit, 0.0, np.log(2.0 / (data.sd_up + data.sd_down)) - 0.5 * LN_2PI
        )
        self.description = {
            "kind": "luminosities",
            "n_data": len(data.z),
            "n_gaussian": int((~data.is_upper_limit).sum()),
            "n_limits": int(data.is_upper_limit.sum()),
            "method": "volumes and distances of the model",
        }

    def log_likelihood(self, theta: Array) -> Array:
        """(w,)."""
        total: Array = self.pointwise(theta).sum(axis=1)
        return total

    def chi2(self, theta: Array) -> Array:
        """(w,): -2 ln(L / largest possible L)."""
        chi2: Array = self._chi2_of_each(theta).sum(axis=1)
        return chi2

    def chi2_gaussian(self, theta: Array) -> Array:
        """(w,): of measured points. Squares of scaled residuals have the distribution of a
        Gaussian's, whatever the two errors are: chi2 is distributed as one of so many points."""
        chi2: Array = self._chi2_of_each(theta)[:, ~self._data.is_upper_limit].sum(axis=1)
        return chi2

    def pointwise(self, theta: Array) -> Array:
        """(w, n)."""
        from scipy.special import log_ndtr

        data = self._data
        above = self._log_phi(theta) - data.log_phi
        scaled = above / np.where(above > 0.0, data.sd_up, data.sd_down)
        value = self._log_norm - 0.5 * scaled * scaled
        limit = data.is_upper_limit
        if limit.any():
            value[:, limit] = log_ndtr(-above[:, limit] / data.sd_up[limit])
        return value

    def predictions(self, theta: Array) -> dict[str, Any]:
        """log10 phi with volumes and distances of the fiducial model, as the points are."""
        data = self._data
        return {
            "name": self.name,
            "kind": "luminosities",
            "z": data.z,
            "M_uv": data.M_uv,
            "is_upper_limit": data.is_upper_limit,
            "observed": data.log_phi,
            "sd": np.where(data.is_upper_limit, data.sd_up, 0.5 * (data.sd_up + data.sd_down)),
            "sd_up": data.sd_up,
            "sd_down": data.sd_down,
            "model": self._log_phi(theta),
        }

    def _chi2_of_each(self, theta: Array) -> Array:
        """(w, n)."""
        return -2.0 * (self.pointwise(theta) - self._log_norm)

    def _log_phi(self, theta: Array) -> Array:
        """(w, n): the model's log10 phi'."""
        of_model = self._layout.of_model(theta)
        H0 = theta[:, self._h0, None]
        g, rate = self._distances(of_model), self._model.rate(self._z, of_model)
        modulus = distance_modulus(g, self._z, self._z, H0)
        log_volume = log_volume_element(g, rate, self._z, H0)
        shift = (self._mu - modulus)[:, self._point]
        volume = (log_volume - self._log_volume)[:, self._point]
        values = [theta[:, column, None] for column in self._columns]
        from_pivot = self._data.z - PIVOT
        log_phi, M_star, alpha = (values[i] + values[i + 3] * from_pivot for i in range(3))
        log_x = -0.4 * (self._data.M_uv + shift - M_star)
        # far brighter than M* the density is 10^-(10^30): as good as none
        x = 10.0 ** np.minimum(log_x, 30.0)
        log_schechter = log_phi + (alpha + 1.0) * log_x - x / np.log(10.0)
        return np.asarray(log_schechter + np.log10(0.4 * np.log(10.0)) + volume)

    def _fiducial(self) -> tuple[Array, Array]:
        """Distance modulus and log10 volume element of the flat LCDM of the points."""
        Om = self._data.fiducial_Om
        points, weights = np.polynomial.legendre.leggauss(64)
        # in ln(1 + z), in which 1/E is smooth up to any redshift
        span = np.log1p(self._z)[:, None]
        one_z = np.exp(0.5 * span * (1.0 + points))
        inverse = 1.0 / np.sqrt(Om * one_z**3 + 1.0 - Om)
        mean = (inverse * one_z * weights).sum(axis=1) * 0.5 * span[:, 0] / self._z
        rate = np.sqrt(Om * (1.0 + self._z) ** 3 + 1.0 - Om)
        g, H0 = 5.0 * np.log10(mean), self._data.fiducial_H0
        return (
            distance_modulus(g, self._z, self._z, H0),
            log_volume_element(g, rate, self._z, H0),
        )
