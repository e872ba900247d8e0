"""Sets of observations in memory: what the readers give and the likelihoods take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Supernovae:
    """A Hubble diagram. `mu` differs from the distance modulus by an offset for each survey."""

    name: str
    z: Array  # (n,) cosmological redshifts (CMB frame, peculiar velocities corrected)
    z_helio: Array  # (n,)
    mu: Array  # (n,) magnitudes
    covariance: Array  # (n, n), or (n,) variances where it is diagonal; magnitudes^2
    survey: np.ndarray[Any, np.dtype[np.int64]]  # (n,) 0 .. number of surveys - 1
    surveys: tuple[str, ...]  # their names
    truth: Mapping[str, float] = field(default_factory=dict)  # of simulated ones


@dataclass(frozen=True)
class LightCurves:
    """Supernovae whose standardisation is part of the fit:
    mu = mb - M + alpha x1 - beta color, with M + mass_step for `heavy` hosts, and
    C = V0 + a^2 Va + b^2 Vb + 2a V0a - 2b V0b - 2ab Vab + diag(dmb^2 + a^2 dx1^2 + b^2 dc^2
        + 2a cov_m_s - 2b cov_m_c - 2ab cov_s_c + further)."""

    name: str
    z: Array
    z_helio: Array
    mb: Array
    x1: Array
    color: Array
    heavy: np.ndarray[Any, np.dtype[np.bool_]]
    dmb: Array
    dx1: Array
    dcolor: Array
    cov_m_s: Array
    cov_m_c: Array
    cov_s_c: Array
    further: Array  # (n,) variances: peculiar velocities, intrinsic dispersion of the set
    blocks: Mapping[str, Array]  # v0, va, vb, v0a, v0b, vab: (n, n); {}: none
    survey: np.ndarray[Any, np.dtype[np.int64]]
    surveys: tuple[str, ...]


@dataclass(frozen=True)
class Rates:
    """H(z) in km/s/Mpc; covariance (n, n) or (n,)."""

    name: str
    z: Array
    H: Array
    covariance: Array


@dataclass(frozen=True)
class Luminosities:
    """Points of UV luminosity functions: log10(phi / Mpc^-3 mag^-1) at M_UV, with volumes and
    distances of a flat LCDM (`fiducial_H0`, `fiducial_Om`). A limit says that phi is below."""

    name: str
    z: Array
    M_uv: Array
    log_phi: Array
    sd_up: Array  # dex
    sd_down: Array
    is_upper_limit: np.ndarray[Any, np.dtype[np.bool_]]
    fiducial_H0: float
    fiducial_Om: float


@dataclass(frozen=True)
class Ages:
    """Ages of galaxies, Gyr: no universe is younger, but for errors of `sd`."""

    name: str
    z: Array
    age: Array
    sd: Array


ObservationSet = Supernovae | LightCurves | Rates | Luminosities | Ages


@dataclass(frozen=True)
class Observations:
    """The sets of a run, and the files they were read from."""

    sets: tuple[ObservationSet, ...]
    files: Mapping[str, str] = field(default_factory=dict)  # path as configured -> sha256

    @property
    def z_max(self) -> float:
        """The highest redshift of any set; 0 where there is none."""
        return max((float(one.z.max()) for one in self.sets), default=0.0)

    @property
    def count(self) -> int:
        """Data points of all sets."""
        return sum(len(one.z) for one in self.sets)
