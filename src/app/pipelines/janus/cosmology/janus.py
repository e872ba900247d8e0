"""The Janus model of D'Agostini & Petit (2018, Astrophys. Space Sci. 363:139): dust era, k = -1.

d_L = (c/H0) [z + z^2 (1-q0) / (1 + q0 z + sqrt(1 + 2 q0 z))], q0 < 0, in a stable form that is
equal to it. It is an expansion with a negative matter term: H/H0 = (1+z) sqrt(1 + 2 q0 z), so it
ends in a bounce at z = -1/(2 q0) and knows no higher redshift. q0 = 0 is Milne's universe.
"""

from collections.abc import Callable

import numpy as np

from app.pipelines.janus.cosmology import matter
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.cosmology.nodes import MAGNITUDES, Nodes


class Janus:
    """Parameter q0."""

    parameters: tuple[str, ...] = ("q0",)

    def __init__(self, name: str = "janus") -> None:
        self.name = name

    def limits(self, z_max: float) -> dict[str, tuple[float, float]]:
        return {"q0": (-0.5 / z_max, 0.0)}

    def in_domain(self, theta: Array, z_max: float) -> Mask:
        q0 = theta[:, 0]
        inside: Mask = (1.0 + 2.0 * q0 * z_max > 0.0) & (q0 <= 0.0)
        return inside

    def on_nodes(self, z_max: float, count: int) -> Callable[[Array], Array]:
        z = Nodes(z_max, count).z
        double, scale = 2.0 * z, 2.0 / (1.0 + z)

        def moduli(theta: Array) -> Array:
            with np.errstate(invalid="ignore"):
                one_s = np.sqrt(1.0 + _bouncing(theta) * double)
            one_s += 1.0
            result = one_s + z
            result *= scale
            one_s *= one_s
            result /= one_s
            np.log(result, out=result)
            result *= MAGNITUDES
            return result

        return moduli

    def moduli(self, z: Array, theta: Array) -> Array:
        """(w, k): 5 log10(D_M H0/(c z)) at any z, in closed form."""
        result: Array = MAGNITUDES * np.log(matter.distance(z, _bouncing(theta)))
        return result

    def rate(self, z: Array, theta: Array) -> Array:
        result: Array = (1.0 + z) * matter.slowing(z, _bouncing(theta))
        return result

    def age(self, z: Array, theta: Array) -> Array:
        """Since the bounce."""
        return matter.age(z, _bouncing(theta))


def _bouncing(theta: Array) -> Array:
    """(w, 1): q0, NaN where it is not of this model."""
    q0 = theta[:, :1]
    return np.where(q0 <= 0.0, q0, np.nan)
