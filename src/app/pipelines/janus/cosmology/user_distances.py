"""Luminosity distances of a user's own function, as a model of the expansion."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.cosmology.nodes import MAGNITUDES, Nodes
from app.pipelines.janus.custom import place_of

PROBES = 32  # redshifts at which a vector has to have a distance to be in the domain


class UserDistances:
    """`function(z (k,), theta (w, d)) -> (w, k)`: d_L H0/c. It may be NaN, or not above 0, where
    the model does not exist; then that vector is out of the domain.

    Distances alone tell no rate and no age: the curvature of space would have to be known too.
    """

    def __init__(
        self, name: str, parameters: tuple[str, ...], function: Callable[..., Any], source: str
    ) -> None:
        self.name = name
        self.parameters = parameters
        self._function = function
        self._source = source  # for messages: module and function

    def limits(self, z_max: float) -> dict[str, tuple[float, float]]:
        return dict.fromkeys(self.parameters, (-np.inf, np.inf))

    def in_domain(self, theta: Array, z_max: float) -> Mask:
        z = np.append(Nodes(z_max, PROBES).z, z_max)
        inside: Mask = np.logical_and.reduce(np.isfinite(self.moduli(z, theta)), axis=1)
        return inside

    def on_nodes(self, z_max: float, count: int) -> Callable[[Array], Array]:
        z = Nodes(z_max, count).z
        return lambda theta: self.moduli(z, theta)

    def moduli(self, z: Array, theta: Array) -> Array:
        """(w, k): 5 log10(D_M H0/(c z)) at any z > 0."""
        distance = self._distance(z, theta)
        distance = np.where((distance > 0.0) & np.isfinite(distance), distance, np.nan)
        result: Array = MAGNITUDES * np.log(distance / ((1.0 + z) * z))
        return result

    def rate(self, z: Array, theta: Array) -> Array:
        self._tells_no("H(z)")

    def age(self, z: Array, theta: Array) -> Array:
        self._tells_no("age")

    def _distance(self, z: Array, theta: Array) -> Array:
        if not len(theta):
            return np.empty((0, len(z)))
        try:
            # copies: what a user's function does to its arguments stays with it
            given = self._function(np.array(z, float), np.array(theta, float))
        except (Exception, SystemExit) as error:
            raise ConfigError(
                f"cosmology.function: {self._source} failed with {type(error).__name__}: {error}"
                f"{place_of(error)}; "
                f"it was called with z {np.shape(z)} and theta {np.shape(theta)}, "
                f"whose first row is {self._row(theta[0])}"
            ) from error
        wanted = (len(theta), len(z))
        try:
            distance: Array = np.asarray(given, float)
            is_right = distance.shape == wanted
        except (TypeError, ValueError):
            is_right = False
        if not is_right:
            raise ConfigError(
                f"cosmology.function: {self._source} has to give luminosity distances in units of "
                f"c/H0 as numbers of shape {wanted}, a row for each row of theta; it gave "
                f"{type(given).__name__} of shape {np.shape(given)}"
            )
        return distance

    def _row(self, row: Array) -> str:
        return ", ".join(
            f"{name}={value:.6g}" for name, value in zip(self.parameters, row, strict=True)
        )

    def _tells_no(self, what: str) -> NoReturn:
        raise ConfigError(
            f"cosmology.kind=distances: {self._source} gives distances and no {what}, which this "
            "likelihood needs; leave that part of the likelihood out, or write a log-probability "
            "of your own (cosmology=custom)"
        )
