"""Independent priors: densities that are normalised, and their inverse distribution functions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.config.janus.prior import Centred, Distribution, Fixed, Normal, Prior, Scipy, Uniform
from app.errors import ConfigError, nearest
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.marginals import Flat, Marginal, gaussian, of_scipy

Limits = tuple[float, float]
NO_LIMITS = (-np.inf, np.inf)


@dataclass(frozen=True)
class IndependentPrior:
    """Distributions of the sampled parameters that know nothing of each other."""

    names: tuple[str, ...]
    marginals: tuple[Marginal, ...]

    @property
    def bounds(self) -> Array:
        """(d, 2): where the density is above 0; may be infinite."""
        return np.array([[one.low, one.high] for one in self.marginals])

    def log_density(self, theta: Array) -> Array:
        """(w,): -inf outside; normalised."""
        columns, low, high, log_height = self._box
        flat = theta if len(columns) == len(self.names) else theta[:, columns]
        total = np.where(((flat >= low) & (flat <= high)).all(axis=1), log_height, -np.inf)
        for column, marginal in self._shaped:
            total += marginal.log_density(theta[:, column])
        return total

    def transform(self, unit: Array) -> Array:
        """(w, d): from the unit cube, by the inverse distribution functions."""
        return np.column_stack(
            [one.quantile(unit[:, column]) for column, one in enumerate(self.marginals)]
        )

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, d)."""
        return self.transform(rng.random((count, len(self.names))))

    def told(self) -> dict[str, Any]:
        """JSON: parameter -> its distribution."""
        return {name: one.told() for name, one in zip(self.names, self.marginals, strict=True)}

    @cached_property
    def _box(self) -> tuple[list[int], Array, Array, float]:
        """Columns of the flat ones, their ends, and the logarithm of their joint density."""
        flat = {column: one for column, one in enumerate(self.marginals) if isinstance(one, Flat)}
        low = np.array([one.low for one in flat.values()])
        high = np.array([one.high for one in flat.values()])
        return list(flat), low, high, -float(np.log(high - low).sum())

    @cached_property
    def _shaped(self) -> list[tuple[int, Marginal]]:
        """The others, and their columns."""
        return [
            (column, one) for column, one in enumerate(self.marginals) if not isinstance(one, Flat)
        ]


def prior_of(
    names: tuple[str, ...],
    configured: Mapping[str, Distribution],
    limits: Mapping[str, Limits],
    override: Prior,
    *,
    keys: Mapping[str, str] | None = None,
    elsewhere: Collection[str] = (),
) -> tuple[IndependentPrior, dict[str, float]]:
    """The prior of the sampled ones of `names`, in their order, and the values of the fixed ones.

    `configured`: what model and likelihoods bring; `override` replaces it. `limits`: between which
    the model may exist; a bound of null is one of them. `keys`: where a parameter's prior is
    configured, if not at cosmology.prior.NAME. A prior that reaches past them is not cut: the
    likelihood is 0 there, and ln Z counts it. `elsewhere`: parameters of other models of the run,
    which `override` may name too.

    Raises:
        ConfigError: a parameter has no prior, or a prior no parameter; or it is improper, or
            nowhere within the limits.
    """
    at = {name: (keys or {}).get(name, f"cosmology.prior.{name}") for name in names}
    _check_names(names, configured, override, elsewhere)
    chosen = dict(configured)
    for name, distribution in override.parameters.items():
        if name in at:
            chosen[name], at[name] = distribution, f"prior.parameters.{name}"
    missing = [name for name in names if name not in chosen]
    sampled = [
        name for name in names if name in missing or not isinstance(chosen[name].root, Fixed)
    ]
    if override.center is not None and override.width is not None:
        _check_lists(sampled, override)
        for name, center, width in zip(sampled, override.center, override.width, strict=True):
            centred = Centred(kind="centred", center=center, width=width)
            chosen[name], at[name] = Distribution(root=centred), "prior.center"
    elif missing:
        raise ConfigError(
            f"{at[missing[0]]}: {', '.join(missing)} has no prior; e.g. "
            f"{at[missing[0]]}='{{kind: uniform, low: 0, high: 1}}'"
        )
    edges = {name: limits.get(name, NO_LIMITS) for name in names}
    fixed = {name: _value(chosen[name], edges[name], at[name]) for name in _others(names, sampled)}
    if not sampled:
        raise ConfigError(f"cosmology.prior: {', '.join(names)} are all fixed: nothing to sample")
    marginals = tuple(marginal_of(chosen[name], edges[name], at[name]) for name in sampled)
    for name, one in zip(sampled, marginals, strict=True):
        _require_some_inside(one, edges[name], at[name])
    return IndependentPrior(tuple(sampled), marginals), fixed


def marginal_of(distribution: Distribution, limits: Limits, key: str) -> Marginal:
    """The normalised density of one parameter that is sampled.

    Raises:
        ConfigError: it is improper, or scipy has no such distribution.
    """
    one = distribution.root
    if isinstance(one, Uniform):
        low = limits[0] if one.low is None else one.low
        high = limits[1] if one.high is None else one.high
        return _flat(low, high, one, key)
    if isinstance(one, Centred):
        return _flat(one.center - one.width / 2, one.center + one.width / 2, one, key)
    if isinstance(one, Normal):
        return gaussian(one, key)
    if isinstance(one, Scipy):
        return of_scipy(one, key)
    raise ValueError(f"{key}: a fixed value has no density")


def _flat(low: float, high: float, one: Uniform | Centred, key: str) -> Flat:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ConfigError(
            f"{key}: a flat prior from {low:g} to {high:g} cannot be normalised; the model has no "
            "edge there that null could mean: give it a number"
        )
    if low >= high:
        raise ConfigError(
            f"{key}: {one.model_dump(mode='json')} leaves nothing between {low:g} and {high:g}, "
            "the edges of what the model allows for these data"
        )
    return Flat(low, high)


def _require_some_inside(one: Marginal, limits: Limits, key: str) -> None:
    outside = one.mass_below(limits[0]) + one.mass_above(limits[1])
    if outside >= 1.0 or one.low >= limits[1] or one.high <= limits[0]:
        raise ConfigError(
            f"{key}: all of this prior, {one.low:g} to {one.high:g}, is outside of {limits[0]:g} "
            f"to {limits[1]:g}, where the model may exist for these data"
        )


def _value(distribution: Distribution, limits: Limits, key: str) -> float:
    assert isinstance(distribution.root, Fixed)
    value = distribution.root.value
    if not np.isfinite(value) or not limits[0] <= value <= limits[1]:
        raise ConfigError(
            f"{key}={value:g}: the model does not exist there for these data; it may from "
            f"{limits[0]:g} to {limits[1]:g}"
        )
    return value


def _check_names(
    names: tuple[str, ...],
    configured: Mapping[str, Distribution],
    override: Prior,
    elsewhere: Collection[str],
) -> None:
    for name in configured:
        if name not in names:
            raise ConfigError(
                f"cosmology.prior.{name}: the model has no such parameter{nearest(name, names)}"
            )
    for name in override.parameters:
        if name not in names and name not in elsewhere:
            known = [*names, *elsewhere]
            raise ConfigError(
                f"prior.parameters.{name}: there is no such parameter{nearest(name, known)}"
            )


def _check_lists(sampled: list[str], override: Prior) -> None:
    assert override.center is not None
    if len(override.center) != len(sampled):
        raise ConfigError(
            f"prior.center has {len(override.center)} values for {len(sampled)} sampled "
            f"parameters: {', '.join(sampled)}"
        )
    both = [name for name in sampled if name in override.parameters]
    if both:
        raise ConfigError(
            f"prior.parameters.{both[0]}: prior.center replaces it; give one or the other"
        )


def _others(names: tuple[str, ...], sampled: list[str]) -> list[str]:
    return [name for name in names if name not in sampled]
