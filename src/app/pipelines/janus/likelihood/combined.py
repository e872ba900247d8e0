"""The likelihood of all sets of data together: they are independent of each other."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Distribution
from app.datasets.observations.kinds import (
    Ages,
    LightCurves,
    Luminosities,
    Observations,
    ObservationSet,
    Rates,
    Supernovae,
)
from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array, Model
from app.pipelines.janus.likelihood.ages import AgesPart
from app.pipelines.janus.likelihood.luminosities import LuminositiesPart
from app.pipelines.janus.likelihood.parameters import (
    default_priors,
    parameter_names,
    standard_of,
)
from app.pipelines.janus.likelihood.part import Layout, Part, Setting
from app.pipelines.janus.likelihood.rates import RatesPart
from app.pipelines.janus.likelihood.supernovae import part_of

__all__ = ["Combined", "default_priors", "likelihood_of", "parameter_names"]

BATCH = 64  # vectors of a timed evaluation
VECTORS = 1024  # at which compressed likelihoods are held against dense ones
ROUNDS, LEAST = 50, 0.005  # of as many draws each; the share of them that must be in the domain

Ranges = Mapping[str, tuple[float, float]]


class Combined:
    """ln L of batches of parameter vectors.

    names: columns of theta: the model's parameters, H0 where any set depends on it, and what else
    the sets bring along. Vectors that the model does not exist for give -inf.
    description: JSON, part -> how it is computed, how exactly, how fast.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        default_priors: dict[str, Distribution],
        parts: tuple[Part, ...],
        description: dict[str, Any],
    ) -> None:
        self.names, self.default_priors, self.parts = names, default_priors, parts
        self._first, *self._further = [part.log_likelihood for part in parts]
        self.description = description

    def __call__(self, theta: Array) -> Array:
        """(w,): the sum of the parts' normalised log-likelihoods."""
        total = self._first(theta)
        for of_part in self._further:
            total = total + of_part(theta)
        result: Array = np.fmax(total, -np.inf)  # of NaN and -inf, -inf
        return result

    def chi2(self, theta: Array) -> Array:
        """(w,): the sum of the parts' chi2; inf where the model does not exist. Of luminosity
        functions' limits and of ages, -2 ln(L / largest possible L)."""
        total = np.sum([part.chi2(theta) for part in self.parts], axis=0)
        result: Array = np.fmin(total, np.inf)
        return result

    def chi2_gaussian(self, theta: Array) -> Array:
        """(w,): of the data with Gaussian errors alone, neither limits nor ages; inf where the
        model does not exist."""
        total = np.sum([part.chi2_gaussian(theta) for part in self.parts], axis=0)
        result: Array = np.fmin(total, np.inf)
        return result

    def pointwise(self, theta: Array) -> Array:
        """(w, n): log-likelihood of every datum, part after part; of supernovae and rates given
        all others of their set."""
        return np.concatenate([part.pointwise(theta) for part in self.parts], axis=1)

    def predictions(self, theta: Array) -> list[dict[str, Any]]:
        """Of each part: name, kind, z (n,), observed (n,), sd (n,), model (w, n); of supernovae
        also offset (w, surveys), which `model` includes."""
        return [part.predictions(theta) for part in self.parts]


def likelihood_of(
    observations: Observations,
    model: Model,
    config: Likelihood,
    ranges: Ranges,
    has_scatter: bool = False,
) -> Combined:
    """`ranges`: where the parameters will be, finite ends; of every name of `parameter_names`.

    Raises:
        InputError: a covariance that is not positive definite.
        ConfigError: `method: compressed` that does not reach its tolerance; a prior of a parameter
            that is not there; no vector of `ranges` for which the model exists.
    """
    names = parameter_names(observations, model, config, has_scatter)
    priors = default_priors(observations, config, names)
    layout = Layout(names, len(model.parameters))
    vectors = _vectors(model, layout, ranges, observations.z_max)
    setting = Setting(model, layout, config, ranges, vectors)
    parts = tuple(_part(data, setting) for data in observations.sets)
    told = {
        part.name: dict(part.description) | {"microseconds": _microseconds(part, vectors)}
        for part in parts
    }
    return Combined(names, priors, parts, told)


def _part(data: ObservationSet, setting: Setting) -> Part:
    model, layout = setting.model, setting.layout
    match data:
        case Supernovae():
            return part_of(data, {}, setting)
        case LightCurves():
            return part_of(data, standard_of(data, setting.config), setting)
        case Rates():
            return RatesPart(data, model, layout)
        case Luminosities():
            return LuminositiesPart(data, model, layout, setting.vectors)
        case Ages():
            return AgesPart(data, model, layout)


def _vectors(model: Model, layout: Layout, ranges: Ranges, z_max: float) -> Array:
    """(v, number of names): drawn from `ranges`, inside the model's domain; v is VECTORS, less
    where that is a small part of the ranges."""
    for name in layout.names:
        if name not in ranges:
            raise ConfigError(
                f"cosmology.prior.{name}: these data need a prior of it, e.g. prior.parameters."
                f"{name}='{{kind: uniform, low: 0, high: 1}}'"
            )
    low, high = np.array([ranges[name] for name in layout.names]).T
    rng = np.random.default_rng(0)
    found = np.empty((0, len(layout.names)))
    for _ in range(ROUNDS):
        drawn = low + (high - low) * rng.random((VECTORS, len(low)))
        inside = model.in_domain(layout.of_model(drawn), z_max)
        found = np.concatenate([found, drawn[inside]])
        if len(found) >= VECTORS:
            break
    if len(found) >= LEAST * ROUNDS * VECTORS:
        return found[:VECTORS]
    raise ConfigError(
        f"{model.name} hardly exists up to z = {z_max:g} for "
        + ", ".join(
            f"{name} in [{ranges[name][0]:g}, {ranges[name][1]:g}]" for name in model.parameters
        )
        + "\n  take another prior, or leave the highest redshifts out"
    )


def _microseconds(part: Part, vectors: Array) -> float:
    """Of one evaluation, among 64; a second one where that is no matter of seconds."""
    batch, least = np.resize(vectors, (BATCH, vectors.shape[1])), np.inf
    while True:
        started = time.perf_counter()
        part.log_likelihood(batch)
        spent = time.perf_counter() - started
        if spent > 0.1 or spent >= least:
            return round(min(spent, least) / BATCH * 1e6, 3)
        least = spent
