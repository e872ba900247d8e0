"""H(z) of cosmic chronometers: chi2 = r C^-1 r with r = H - H0 E(z)."""

from typing import Any

import numpy as np

from app.datasets.observations.kinds import Rates
from app.pipelines.janus.cosmology.model import Array, Model
from app.pipelines.janus.likelihood.dense import Whitening, conditional
from app.pipelines.janus.likelihood.part import LN_2PI, Layout


class RatesPart:
    """ln L = -chi2/2 - ln det(2 pi C)/2.

    Raises:
        InputError: the covariance is not positive definite.
    """

    def __init__(self, data: Rates, model: Model, layout: Layout) -> None:
        self.name = data.name
        self._data, self._model, self._layout = data, model, layout
        self._h0 = layout.column("H0")
        whitening = Whitening(data.covariance, data.name)
        white = whitening(np.eye(len(data.z)))
        self._white = white.T  # L^-T
        self._precision = white.T @ white
        self._log_norm = -0.5 * (len(data.z) * LN_2PI + whitening.log_det)
        self.description = {
            "kind": "rates",
            "n_data": len(data.z),
            "n_gaussian": len(data.z),
            "method": "dense",
        }

    def log_likelihood(self, theta: Array) -> Array:
        """(w,)."""
        return self._log_norm - 0.5 * self.chi2(theta)

    def chi2(self, theta: Array) -> Array:
        """(w,)."""
        white = (self._data.H - self._rates(theta)) @ self._white
        chi2: Array = np.einsum("wn,wn->w", white, white)
        return chi2

    def chi2_gaussian(self, theta: Array) -> Array:
        """(w,): of all rates."""
        return self.chi2(theta)

    def pointwise(self, theta: Array) -> Array:
        """(w, n): of each rate given all others."""
        weighted = (self._data.H - self._rates(theta)) @ self._precision
        return conditional(weighted, np.diagonal(self._precision))

    def predictions(self, theta: Array) -> dict[str, Any]:
        """H(z) in km/s/Mpc."""
        covariance = self._data.covariance
        variances = covariance if covariance.ndim == 1 else np.diagonal(covariance)
        return {
            "name": self.name,
            "kind": "rates",
            "z": self._data.z,
            "observed": self._data.H,
            "sd": np.sqrt(variances),
            "model": self._rates(theta),
        }

    def _rates(self, theta: Array) -> Array:
        rate = self._model.rate(self._data.z, self._layout.of_model(theta))
        return theta[:, self._h0, None] * rate
