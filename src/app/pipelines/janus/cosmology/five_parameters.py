"""The five-parameter bimetric vector H0, Om, Om_bar, chi, sigma_int.

H^2 = H0^2 [Om (1+z)^3 + Ok (1+z)^2 + chi Om_bar (1+z)^3 (1 - sqrt(Om_bar/Om))], with
Ok = 1 - Om - Om_bar. No result is published for it: it is here as a worked model, and its Ok is
what makes H(0) = .990 H0 at Om = .3, Om_bar = .05, chi = 1.

All of it is one matter term A (1+z)^3 and curvature, so that distances and ages have closed forms.
H(0)/H0 = sqrt(A + Ok) is not 1. `normalised` divides by it, H(0) = H0; as the formula stands H0 is
but a unit. Either way space is curved by Ok, and both are one family of universes with another H0.
"""

from collections.abc import Callable

import numpy as np

from app.pipelines.janus.cosmology import matter
from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.cosmology.nodes import MAGNITUDES, Nodes


class FiveParameters:
    """Parameters Om, Om_bar, chi; H0 and sigma_int belong to the likelihood."""

    parameters: tuple[str, ...] = ("Om", "Om_bar", "chi")

    def __init__(self, name: str = "five_parameters", normalised: bool = True) -> None:
        self.name = name
        self.normalised = normalised

    def limits(self, z_max: float) -> dict[str, tuple[float, float]]:
        return {"Om": (0.0, np.inf), "Om_bar": (0.0, np.inf), "chi": (-np.inf, np.inf)}

    def in_domain(self, theta: Array, z_max: float) -> Mask:
        # E^2/(1+z)^2 is linear in z: it is above 0 up to z_max where it is so at both ends
        q0, _ = self._universe(theta)
        inside: Mask = 1.0 + 2.0 * q0[:, 0] * z_max > 0.0
        return inside

    def on_nodes(self, z_max: float, count: int) -> Callable[[Array], Array]:
        z = Nodes(z_max, count).z
        return lambda theta: self.moduli(z, theta)

    def moduli(self, z: Array, theta: Array) -> Array:
        """(w, k): 5 log10(D_M H0/(c z)) at any z, in closed form."""
        q0, unit = self._universe(theta)
        result: Array = MAGNITUDES * (np.log(matter.distance(z, q0)) - np.log(unit))
        return result

    def rate(self, z: Array, theta: Array) -> Array:
        q0, unit = self._universe(theta)
        result: Array = unit * (1.0 + z) * matter.slowing(z, q0)
        return result

    def age(self, z: Array, theta: Array) -> Array:
        """Since the big bang, or since the bounce where the matter term is negative."""
        q0, unit = self._universe(theta)
        result: Array = matter.age(z, q0) / unit
        return result

    def _universe(self, theta: Array) -> tuple[Array, Array]:
        """(w, 1) each: q0 of the universe of matter and curvature, and its H(0)/H0."""
        Om, Om_bar, chi = theta[:, :1], theta[:, 1:2], theta[:, 2:3]
        with np.errstate(invalid="ignore", divide="ignore"):
            matter_term = Om + chi * Om_bar * (1.0 - np.sqrt(Om_bar / Om))
            today = matter_term + (1.0 - Om - Om_bar)  # (H(0)/H0)^2
            exists = (today > 0.0) & (Om > 0.0) & (Om_bar >= 0.0)
            today = np.where(exists, today, np.nan)
            q0 = 0.5 * matter_term / today
        return q0, np.ones_like(today) if self.normalised else np.sqrt(today)
