"""What observers measure, of any model: distance moduli and volumes.

Formulas: Hogg (1999, astro-ph/9905116). Redshifts: distances go with the cosmological one (CMB
frame), the dimming of light with the observed, heliocentric one.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from app.pipelines.janus.cosmology.model import C_KM_S, Array, Model
from app.pipelines.janus.cosmology.nodes import Nodes

NODES = (24, 48, 96, 192, 384)
EXACT = 1e-12  # magnitudes


@runtime_checkable
class Direct(Protocol):
    """A model that tells its distances at any redshift, better than by nodes."""

    def moduli(self, z: Array, theta: Array) -> Array: ...


def at(model: Model, z: Array, theta: Array) -> Array:
    """(w, k): 5 log10(D_M H0/(c z)) at redshifts z (k,) above 0, for theta (w, d).

    Good to 1e-12 magnitudes, next to the edges of the domain too; NaN past them (for the whole
    vector: `z.max()` decides). Models that are not `Direct` are interpolated between nodes, which
    are doubled until they agree to 1e-12, up to 384; next to a singularity they may not.
    """
    z = np.asarray(z, float)
    if isinstance(model, Direct):
        return model.moduli(z, theta)
    values = _by_nodes(model, z, theta, NODES[0])
    for count in NODES[1:]:
        before, values = values, _by_nodes(model, z, theta, count)
        if not (np.abs(values - before) > EXACT).any():
            break
    return values


def _by_nodes(model: Model, z: Array, theta: Array, count: int) -> Array:
    z_max = float(z.max())
    values = model.on_nodes(z_max, count)(theta)
    return values @ Nodes(z_max, count).interpolation(z).T


def distance_modulus(g: Array, z: Array, z_helio: Array, H0: Array | float) -> Array:
    """mu in magnitudes, absolute: 5 log10(d_L / 10 pc), d_L = (1 + z_helio) D_M(z).

    g = 5 log10(D_M H0/(c z)), as of `at`, (w, k) or (k,); z and z_helio (k,); H0 in km/s/Mpc,
    (w, 1) or a number.
    """
    mu: Array = g + 5.0 * np.log10((1.0 + z_helio) * z * (C_KM_S / H0)) + 25.0
    return mu


def log_volume_element(g: Array, rate: Array, z: Array, H0: Array | float) -> Array:
    """log10 of the comoving volume per steradian and unit redshift, c D_M^2 / H(z), in Mpc^3.

    The same in flat and curved space: the curvature is in D_M. `rate` is H/H0, of the shape of g;
    the others are as in `distance_modulus`.
    """
    hubble = C_KM_S / H0
    element: Array = 0.4 * g + 2.0 * np.log10(z * hubble) + np.log10(hubble / rate)
    return element
