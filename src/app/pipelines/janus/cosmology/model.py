"""What a model of the expansion tells."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

C_KM_S = 299_792.458
GYR_KM_S_MPC = 977.792_221_4  # 1/H0 in Gyr for H0 in km/s/Mpc


class Model(Protocol):
    """Distances, rates and ages in units of H0; theta is (w, d), its columns `parameters`.

    Vectors out of the domain give NaN, never an error: `in_domain` tells which they are.
    """

    @property
    def name(self) -> str: ...

    @property
    def parameters(self) -> tuple[str, ...]:
        """Columns of theta, H0 not among them."""

    def limits(self, z_max: float) -> dict[str, tuple[float, float]]:
        """parameter -> the edges between which the model may exist up to `z_max` (inf: none)."""

    def in_domain(self, theta: Array, z_max: float) -> Mask:
        """(w,): whether the model exists at every redshift from 0 to `z_max`."""

    def on_nodes(self, z_max: float, count: int) -> "Callable[[Array], Array]":
        """A function theta (w, d) -> (w, count): 5 log10(D_M(z) H0 / (c z)) at `count` Chebyshev
        nodes of [0, z_max] (`nodes.Nodes(z_max, count).z`). Smooth in z: interpolating it between
        the nodes gives every distance."""

    def rate(self, z: Array, theta: Array) -> Array:
        """(w, k): H(z)/H0."""

    def age(self, z: Array, theta: Array) -> Array:
        """(w, k): H0 t(z), t the age of the universe at z."""
