"""Sampled parameters, and the fixed ones between them."""

from collections.abc import Mapping

import numpy as np

from app.pipelines.janus.cosmology.model import Array


class Vectors:
    """Makes vectors of all `names` of those that are `sampled`, in any order, and the `fixed`."""

    def __init__(
        self, names: tuple[str, ...], sampled: tuple[str, ...], fixed: Mapping[str, float]
    ) -> None:
        self.names = names
        self._values = np.array([fixed.get(name, np.nan) for name in names])
        self._columns = [names.index(name) for name in sampled]

    def full(self, theta: Array) -> Array:
        """(w, d) -> (w, number of names)."""
        if len(self._columns) == len(self._values):
            return theta
        vectors = np.tile(self._values, (len(theta), 1))
        vectors[:, self._columns] = theta
        return vectors
