"""Ages of galaxies: none is older than the universe at its redshift."""

from typing import Any

import numpy as np

from app.datasets.observations.kinds import Ages
from app.pipelines.janus.cosmology.model import GYR_KM_S_MPC, Array, Model
from app.pipelines.janus.likelihood.part import Layout


class AgesPart:
    """ln L = sum of ln Phi((t(z) - age) / sd), t the age of the universe: the probability, with
    Gaussian errors of the ages, that each galaxy is younger. At most 0; chi2 = -2 ln L."""

    def __init__(self, data: Ages, model: Model, layout: Layout) -> None:
        self.name = data.name
        self._data, self._model, self._layout = data, model, layout
        self._h0 = layout.column("H0")
        self._z, self._galaxy = np.unique(data.z, return_inverse=True)
        self.description = {
            "kind": "ages",
            "n_data": len(data.z),
            "n_gaussian": 0,
            "method": "age of the model",
        }

    def log_likelihood(self, theta: Array) -> Array:
        """(w,)."""
        total: Array = self.pointwise(theta).sum(axis=1)
        return total

    def chi2(self, theta: Array) -> Array:
        """(w,): -2 ln L, 0 where every galaxy is far younger than the universe."""
        return -2.0 * self.log_likelihood(theta)

    def chi2_gaussian(self, theta: Array) -> Array:
        """(w,): 0; an age says how old the universe is at least, and nothing once it is older."""
        return np.zeros(len(theta))

    def pointwise(self, theta: Array) -> Array:
        """(w, n)."""
        from scipy.special import log_ndtr

        value: Array = log_ndtr((self._ages(theta) - self._data.age) / self._data.sd)
        return value

    def predictions(self, theta: Array) -> dict[str, Any]:
        """Ages of the universe in Gyr, beside those of the galaxies."""
        return {
            "name": self.name,
            "kind": "ages",
            "z": self._data.z,
            "observed": self._data.age,
            "sd": self._data.sd,
            "model": self._ages(theta),
        }

    def _ages(self, theta: Array) -> Array:
        age = self._model.age(self._z, self._layout.of_model(theta))
        return np.asarray((age * (GYR_KM_S_MPC / theta[:, self._h0, None]))[:, self._galaxy])
