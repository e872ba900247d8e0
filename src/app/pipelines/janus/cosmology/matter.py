"""Matter and curvature alone, E^2 = (1+z)^2 (1 + 2 q0 z): closed forms, also for q0 < 0.

The matter term is 2 q0 (1+z)^3 and Ok = 1 - 2 q0. Distances are Mattig's (1958, Astron. Nachr.
284, 109), which D'Agostini & Petit (2018) find again with q0 < 0. Arguments broadcast.
"""

import numpy as np

from app.pipelines.janus.cosmology.model import Array

SERIES_BELOW = 0.05  # of |curvature / matter|: closed forms of the age cancel near 0


def slowing(z: Array, q0: Array) -> Array:
    """sqrt(1 + 2 q0 z) = E/(1+z); NaN where the model does not reach z."""
    with np.errstate(invalid="ignore"):
        root: Array = np.sqrt(1.0 + 2.0 * q0 * z)
    return root


def distance(z: Array, q0: Array) -> Array:
    """D_M H0/(c z); 1 at z = 0.

    The form 2 (1+s+z) / ((1+s)^2 (1+z)), s = sqrt(1 + 2 q0 z), cancels nowhere.
    """
    one_s = 1.0 + slowing(z, q0)
    share: Array = 2.0 * (one_s + z) / (one_s * one_s * (1.0 + z))
    return share


def age(z: Array, q0: Array) -> Array:
    """H0 t(z), since the big bang (q0 >= 0) or since the bounce (q0 < 0), where H = 0.

    At z the densities in units of the critical one are those of another such universe, seen at
    its redshift 0: H(z) t(z) depends on its matter alone.
    """
    slow = slowing(z, q0)
    matter = 2.0 * q0 * (1.0 + z) / slow**2
    result: Array = _present_age(matter) / ((1.0 + z) * slow)
    return result


def _present_age(matter: Array) -> Array:
    """H0 t0 of Om = `matter`, Ok = 1 - Om."""
    curvature = 1.0 - matter
    result = np.full(np.shape(matter), np.nan)
    near = np.abs(curvature) < SERIES_BELOW * np.abs(matter)
    bouncing = (matter <= 0.0) & ~near
    open_ = (matter > 0.0) & (curvature > 0.0) & ~near
    closed = (matter > 0.0) & (curvature < 0.0) & ~near
    m, k = -matter[bouncing], curvature[bouncing]
    with np.errstate(divide="ignore", invalid="ignore"):
        # the paper's formula (its sign mended) with m = -2 q0 and k = 1 - 2 q0
        arc = np.where(m > 0.0, m * np.arcsinh(1.0 / np.sqrt(m)), 0.0)
    result[bouncing] = arc * k**-1.5 + 1.0 / k
    m, k = matter[open_], curvature[open_]
    result[open_] = 1.0 / k - m * k**-1.5 * np.arcsinh(np.sqrt(k / m))
    m, k = matter[closed], -curvature[closed]
    result[closed] = m * k**-1.5 * np.arcsin(np.sqrt(k / m)) - 1.0 / k
    result[near] = _nearly_flat(matter[near], curvature[near])
    return result


def _nearly_flat(matter: Array, curvature: Array) -> Array:
    """The binomial series of int 2 u^2 / sqrt(matter + curvature u^2) du over [0, 1], u^2 = a."""
    ratio = curvature / matter
    total, term = np.zeros_like(matter), np.ones_like(matter)
    for n in range(12):  # 0.05^12 is below the last digit
        total += term * 2.0 / (2 * n + 3)
        term = -term * ratio * (n + 0.5) / (n + 1)
    return total / np.sqrt(matter)
