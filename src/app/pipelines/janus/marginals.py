"""Normalised densities of one parameter, and their inverse distribution functions."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from app.config.janus.prior import Normal, Scipy
from app.errors import ConfigError, nearest
from app.pipelines.janus.cosmology.model import Array

# the ends of the unit interval have finite quantiles: a generator gives 0 once in 2^53 draws
TINY, NEARLY_ONE = 2.0**-54, 1.0 - 2.0**-53


class Marginal(Protocol):
    """The prior of one parameter."""

    @property
    def low(self) -> float:
        """Below it, and above `high`, the density is 0; may be infinite."""

    @property
    def high(self) -> float: ...

    def log_density(self, x: Array) -> Array: ...

    def quantile(self, unit: Array) -> Array: ...

    def mass_below(self, x: float) -> float: ...

    def mass_above(self, x: float) -> float: ...

    def told(self) -> dict[str, Any]:
        """JSON: all that decides it."""


@dataclass(frozen=True)
class Flat:
    """1 / (high - low) from low to high."""

    low: float
    high: float

    def log_density(self, x: Array) -> Array:
        inside = (x >= self.low) & (x <= self.high)
        return np.where(inside, -math.log(self.high - self.low), -np.inf)

    def quantile(self, unit: Array) -> Array:
        return np.clip(self.low + unit * (self.high - self.low), self.low, self.high)

    def mass_below(self, x: float) -> float:
        return min(max((x - self.low) / (self.high - self.low), 0.0), 1.0)

    def mass_above(self, x: float) -> float:
        return min(max((self.high - x) / (self.high - self.low), 0.0), 1.0)

    def told(self) -> dict[str, Any]:
        return {"kind": "uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Gaussian:
    """A normal density, cut at low and high, and normalised there.

    Logarithms of tail areas throughout, of the side where they are small: right for a cut many
    standard deviations from the mean.
    """

    mean: float
    sd: float
    low: float
    high: float
    log_mass: float  # of the normal density between the cuts

    def log_density(self, x: Array) -> Array:
        t = (x - self.mean) / self.sd
        log_norm = math.log(self.sd) + 0.5 * math.log(2.0 * math.pi) + self.log_mass
        inside = (x >= self.low) & (x <= self.high)
        return np.where(inside, -0.5 * t * t - log_norm, -np.inf)

    def quantile(self, unit: Array) -> Array:
        from scipy.special import log_ndtr, ndtri_exp

        u = np.clip(unit, TINY, NEARLY_ONE)
        a, b = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
        if a + b > 0.0:  # most of it is in the upper half, where areas are differences from 1
            area = np.logaddexp(log_ndtr(-b), np.log1p(-u) + self.log_mass)
            t = -ndtri_exp(np.minimum(area, 0.0))
        else:
            area = np.logaddexp(log_ndtr(a), np.log(u) + self.log_mass)
            t = ndtri_exp(np.minimum(area, 0.0))
        x: Array = np.clip(self.mean + self.sd * t, self.low, self.high)
        return x

    def mass_below(self, x: float) -> float:
        return _share(self, self.low, min(x, self.high))

    def mass_above(self, x: float) -> float:
        return _share(self, max(x, self.low), self.high)

    def told(self) -> dict[str, Any]:
        edges = {"low": self.low, "high": self.high}
        finite = {name: edge for name, edge in edges.items() if math.isfinite(edge)}
        return {"kind": "normal", "mean": self.mean, "sd": self.sd, **finite}


@dataclass(frozen=True)
class OfScipy:
    """A frozen continuous distribution of scipy.stats."""

    distribution: Any
    low: float
    high: float

    def log_density(self, x: Array) -> Array:
        density: Array = np.asarray(self.distribution.logpdf(x), dtype=np.float64)
        return density

    def quantile(self, unit: Array) -> Array:
        inside = np.clip(unit, TINY, NEARLY_ONE)
        x: Array = np.clip(np.asarray(self.distribution.ppf(inside)), self.low, self.high)
        return x

    def mass_below(self, x: float) -> float:
        return float(self.distribution.cdf(x))

    def mass_above(self, x: float) -> float:
        return float(self.distribution.sf(x))

    def told(self) -> dict[str, Any]:
        return {"kind": "scipy", "name": self.distribution.dist.name, **self.distribution.kwds}


def gaussian(one: Normal, key: str) -> Gaussian:
    """Raises ConfigError where it has no mass between its bounds."""
    low = -math.inf if one.low is None else one.low
    high = math.inf if one.high is None else one.high
    if not (math.isfinite(one.mean) and math.isfinite(one.sd)):
        raise ConfigError(f"{key}: mean={one.mean:g} and sd={one.sd:g} must be finite")
    log_mass = _log_area((low - one.mean) / one.sd, (high - one.mean) / one.sd)
    if not math.isfinite(log_mass):
        raise ConfigError(
            f"{key}: a normal prior of {one.mean:g} +- {one.sd:g} has no mass from {low:g} to "
            f"{high:g}"
        )
    return Gaussian(one.mean, one.sd, low, high, log_mass)


def of_scipy(one: Scipy, key: str) -> OfScipy:
    """Raises ConfigError where scipy.stats has no such distribution, or none of these arguments."""
    from scipy import stats

    found = getattr(stats, one.name, None)
    if not isinstance(found, stats.rv_continuous):
        known = [
            name for name in dir(stats) if isinstance(getattr(stats, name), stats.rv_continuous)
        ]
        if isinstance(found, stats.rv_discrete):
            raise ConfigError(
                f"{key}.name={one.name}: scipy.stats has no continuous distribution of that name, "
                "this one is discrete; e.g. gamma, beta, lognorm"
            )
        close = nearest(one.name, known)
        raise ConfigError(
            f"{key}.name={one.name}: scipy.stats has no continuous distribution of that name"
            + (close if "did you mean" in close else "; e.g. gamma, beta, lognorm")
        )
    shapes = [name.strip() for name in (found.shapes or "").split(",") if name.strip()]
    takes = [*shapes, "loc", "scale"]
    for name in one.arguments:
        if name not in takes:
            raise ConfigError(
                f"{key}.arguments.{name}: scipy.stats.{one.name} takes {', '.join(takes)}"
                f"{nearest(name, takes) if len(takes) > 2 else ''}"
            )
    missing = [name for name in shapes if name not in one.arguments]
    if missing:
        raise ConfigError(f"{key}.arguments: scipy.stats.{one.name} needs {', '.join(missing)}")
    frozen = found(**one.arguments)
    low, high = (float(edge) for edge in frozen.support())
    if not low < high:  # how scipy says that arguments are out of its range: NaN
        raise ConfigError(
            f"{key}.arguments: scipy.stats.{one.name} is not defined for {one.arguments}"
        )
    return OfScipy(frozen, low, high)


def _share(one: Gaussian, low: float, high: float) -> float:
    if low >= high:
        return 0.0
    log_area = _log_area((low - one.mean) / one.sd, (high - one.mean) / one.sd)
    return math.exp(min(log_area - one.log_mass, 0.0))


def _log_area(a: float, b: float) -> float:
    """log(Phi(b) - Phi(a)), a < b."""
    from scipy.special import log_ndtr

    if a + b > 0.0:
        a, b = -b, -a
    above, below = float(log_ndtr(b)), float(log_ndtr(a))
    return above + math.log1p(-math.exp(below - above)) if below < above else -math.inf
