"""The likelihood of a model of the expansion, as a function of its sampled parameters."""

from typing import Any

import numpy as np

from app.pipelines.janus.cosmology.model import Array, Mask, Model
from app.pipelines.janus.evaluation import RowError, checked_batch, told
from app.pipelines.janus.likelihood.combined import Combined
from app.pipelines.janus.vectors import Vectors

POSITIVE = ("H0", "sigma_int")


class ModelLikelihood:
    """0 where the model does not exist, up to `z_max` of the data."""

    def __init__(self, model: Model, combined: Combined, vectors: Vectors, z_max: float) -> None:
        self.model, self.combined = model, combined
        self.vectors, self._z_max = vectors, z_max
        self._not_negative = [vectors.names.index(one) for one in POSITIVE if one in vectors.names]

    def __call__(self, theta: Array) -> Array:
        """(w, d) -> (w,)."""
        vectors = self.vectors.full(theta)
        inside = self.in_domain(theta)
        if inside.all():
            return self._checked(vectors)
        values = np.full(len(theta), -np.inf)
        if inside.any():
            values[inside] = self._checked(vectors[inside])
        return values

    def in_domain(self, theta: Array) -> Mask:
        """(w,): whether the model exists; rates and scatters that are negative do not."""
        vectors = self.vectors.full(theta)
        inside = self.model.in_domain(vectors[:, : len(self.model.parameters)], self._z_max)
        for column in self._not_negative:
            inside = inside & (vectors[:, column] >= 0.0)
        return inside

    def chi2(self, theta: Array) -> Array:
        """(w,); see `Combined`."""
        return self.combined.chi2(self.vectors.full(theta))

    def chi2_gaussian(self, theta: Array) -> Array:
        """(w,); see `Combined`."""
        return self.combined.chi2_gaussian(self.vectors.full(theta))

    def pointwise(self, theta: Array) -> Array:
        """(w, n); see `Combined`."""
        return self.combined.pointwise(self.vectors.full(theta))

    def predictions(self, theta: Array) -> Any:
        """Of each set of data; see `Combined`."""
        return self.combined.predictions(self.vectors.full(theta))

    def _checked(self, vectors: Array) -> Array:
        try:
            return checked_batch(self.combined(vectors), vectors)
        except RowError as error:
            subject = f"the log-likelihood of {self.model.name}"
            raise told(error, vectors, self.vectors.names, subject) from error
