"""Supernovae the project makes, whose truth is known."""

import numpy as np

from app.config.janus.likelihood import Simulated
from app.datasets.observations.kinds import Array, Supernovae

H0 = 70.0  # km/s/Mpc
LIGHT = 299792.458  # km/s
_MODES = 10  # of the systematic errors
_VELOCITY = 250.0  # km/s, of galaxies: why heliocentric redshifts differ


def simulate(name: str, part: Simulated, seed: int) -> Supernovae:
    """A Hubble diagram in a flat LCDM: a third at low z, the others around the middle of the
    range; errors of their own around `part.sd`, and smooth systematic errors common to all.

    `part.seed` replaces `seed`; sets of other names are other draws of the same seed. Moduli are
    absolute, for H0 = 70.
    """
    chosen = seed if part.seed is None else part.seed
    rng = np.random.default_rng([abs(chosen), int(chosen < 0), *name.encode()])
    z = _redshifts(part, rng)
    z_helio = (1 + z) * (1 + _VELOCITY / LIGHT * np.clip(rng.standard_normal(len(z)), -3, 3)) - 1
    sd = part.sd * rng.uniform(0.8, 1.2, len(z))
    modes = _systematics(z, part, rng)
    errors = sd * rng.standard_normal(len(z)) + modes @ rng.standard_normal(_MODES)
    dense = modes @ modes.T + np.diag(sd**2)
    return Supernovae(
        name=name,
        z=z,
        z_helio=z_helio,
        mu=distance_modulus(z, z_helio, part.Om) + errors,
        covariance=dense if part.systematics > 0 else sd**2,
        survey=np.zeros(len(z), dtype=np.int64),
        surveys=("all",),
        truth={"Om": part.Om, "H0": H0},
    )


def distance_modulus(z: Array, z_helio: Array, Om: float) -> Array:
    """Of a flat LCDM, in magnitudes, for H0 = 70: (1 + z_helio) c/H0 times the integral of 1/E,
    by 64 Gauss-Legendre nodes in ln(1 + z); better than 1e-12 relative for z up to 10."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    end = np.log1p(z)[:, None] / 2
    x = np.exp(end * (nodes + 1))  # 1 + z at the nodes, (n, 64)
    comoving = end[:, 0] * ((x / np.sqrt(Om * x**3 + 1 - Om)) @ weights)
    return np.asarray(5 * np.log10((1 + z_helio) * LIGHT / H0 * comoving) + 25)


def _redshifts(part: Simulated, rng: np.random.Generator) -> Array:
    near = part.count // 3
    end = min(0.1, part.z_max / 2)
    low = 0.01 * (end / 0.01) ** rng.random(near)
    high = end + (part.z_max - end) * rng.beta(2.0, 2.5, part.count - near)
    return np.sort(np.concatenate([low, high]))


def _systematics(z: Array, part: Simulated, rng: np.random.Generator) -> Array:
    """Modes, (n, 10): cosines of ln(1 + z), less of those that are less smooth; each supernova's
    variance is about `part.systematics`^2."""
    order = np.arange(_MODES)
    phase = np.pi * order * np.log1p(z)[:, None] / np.log1p(part.z_max)
    modes = np.cos(phase + rng.uniform(0, 2 * np.pi, _MODES)) / np.sqrt(1 + order)
    return np.asarray(part.systematics * modes / np.sqrt(0.5 * np.sum(1 / (1 + order))))
