"""A posterior put together: a model of the expansion, or a user's function; data; priors."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple
from typing import Any

import numpy as np

from app.config.janus.cosmology import Cosmology, Custom, Distances, FiveParameters
from app.config.janus.likelihood import DatasetFile, Likelihood, LuminosityFunction, Tripp
from app.config.janus.prior import Prior
from app.datasets.observations.kinds import Observations
from app.errors import ConfigError
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.custom import load_function, source_digest
from app.pipelines.janus.custom_posterior import custom_posterior
from app.pipelines.janus.likelihood.combined import (
    default_priors,
    likelihood_of,
    parameter_names,
)
from app.pipelines.janus.model_likelihood import ModelLikelihood
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.prior import IndependentPrior, Limits, prior_of
from app.pipelines.janus.truth import simulated_with
from app.pipelines.janus.vectors import Vectors

POSITIVE = (0.0, np.inf)
DOMAIN_DRAWS = 4096  # of the prior: the share where the model does not exist, to a percent
TAIL = 1e-4  # of a prior without end: further out no likelihood is tried out beforehand


def posteriors_of(
    models: Mapping[str, Cosmology],
    likelihood: Likelihood,
    prior: Prior,
    observations: Observations,
) -> dict[str, Posterior]:
    """Name -> posterior, of every model of a run; `prior` may name the parameters of any of them.

    Raises:
        ConfigError, InputError: as `posterior_of`.
    """
    others = list(models.values())
    return {
        name: posterior_of(cosmology, likelihood, prior, observations, others)
        for name, cosmology in models.items()
    }


def posterior_of(
    cosmology: Cosmology,
    likelihood: Likelihood,
    prior: Prior,
    observations: Observations,
    others: Collection[Cosmology] = (),
) -> Posterior:
    """The posterior of one model.

    `others`: further models of the run, whose parameters `prior` may name too.

    Raises:
        ConfigError: a user's module or function that is not there, parameters without priors or
            priors without parameters, a model that does not exist for these data.
        InputError: data that no likelihood can be made of.
    """
    elsewhere = {name for other in others for name in other.root.prior}
    if isinstance(cosmology.root, Custom):
        return custom_posterior(cosmology.root, prior, elsewhere)
    return _of_model(cosmology, likelihood, prior, observations, elsewhere)


def _of_model(
    cosmology: Cosmology,
    likelihood: Likelihood,
    prior: Prior,
    observations: Observations,
    elsewhere: set[str],
) -> Posterior:
    model, has_scatter = model_of(cosmology), isinstance(cosmology.root, FiveParameters)
    z_max = observations.z_max
    names = parameter_names(observations, model, likelihood, has_scatter)
    configured = {**default_priors(observations, likelihood, names), **cosmology.root.prior}
    if "H0" not in names:
        _require_no_rate(prior, likelihood)
        configured.pop("H0", None)
        elsewhere = elsewhere - {"H0"}
    limits = {"H0": POSITIVE, "sigma_int": POSITIVE, **model.limits(z_max)}
    keys = _keys(cosmology, likelihood)
    independent, fixed = prior_of(names, configured, limits, prior, keys=keys, elsewhere=elsewhere)
    ranges = _ranges(independent, fixed, limits)
    combined = likelihood_of(observations, model, likelihood, ranges, has_scatter)
    function = ModelLikelihood(model, combined, Vectors(names, independent.names, fixed), z_max)
    return Posterior(
        independent,
        function,
        {
            "model": cosmology.model_dump(mode="json", exclude={"prior"}),
            "source": _source_of(cosmology),
            "likelihood": likelihood.model_dump(mode="json"),
            "files": dict(observations.files),
            "data": _digest_of(observations),
            "prior": independent.told(),
            "fixed": fixed,
        },
        {
            "model": model.name,
            "likelihood": combined.description,
            "fixed": fixed,
            "share_outside_domain": _share_outside(function, independent, z_max),
            "simulated_with": simulated_with(observations, cosmology),
        },
    )


def _source_of(cosmology: Cosmology) -> str | None:
    """Of a user's own distances."""
    own = cosmology.root
    if not isinstance(own, Distances):
        return None
    return source_digest(load_function(own.module, own.function, "cosmology.module"))


def _keys(cosmology: Cosmology, likelihood: Likelihood) -> dict[str, str]:
    """Parameter -> where the config has its prior."""
    of_parts = {
        name: f"likelihood.parts.{part}.prior.{name}"
        for part, chosen in likelihood.parts.items()
        if isinstance(chosen.root, Tripp | DatasetFile | LuminosityFunction)
        for name in chosen.root.prior
    }
    return {**of_parts, **{name: f"cosmology.prior.{name}" for name in cosmology.root.prior}}


def _require_no_rate(prior: Prior, likelihood: Likelihood) -> None:
    if "H0" in prior.parameters:
        raise ConfigError(
            f"prior.parameters.H0: these data do not depend on H0, with likelihood.offset="
            f"{likelihood.offset}; leave it out (prior=model), or give absolute distances "
            "(likelihood.offset=fixed) or H(z)"
        )


def _ranges(
    prior: IndependentPrior, fixed: Mapping[str, float], limits: Mapping[str, Limits]
) -> dict[str, Limits]:
    """Finite ends of where each parameter will be, within what the model allows."""
    ends = prior.transform(np.array([[TAIL], [1.0 - TAIL]]) * np.ones(len(prior.names)))
    ends = np.where(np.isfinite(prior.bounds.T), prior.bounds.T, ends)
    ranges = {name: (value, value) for name, value in fixed.items()}
    for name, (low, high) in zip(prior.names, ends.T, strict=True):
        least, most = limits.get(name, (-np.inf, np.inf))
        ranges[name] = float(max(low, least)), float(min(high, most))
    return ranges


def _share_outside(function: ModelLikelihood, prior: IndependentPrior, z_max: float) -> float:
    """Of the prior, 0 to 1: where the model does not exist."""
    theta = prior.draw(np.random.default_rng(0), DOMAIN_DRAWS)
    share = 1.0 - float(function.in_domain(theta).mean())
    name = function.model.name
    if share == 1.0:
        raise ConfigError(
            f"cosmology.prior: {name} exists at none of {DOMAIN_DRAWS} draws from its prior, up to "
            f"z = {z_max:g} of these data"
        )
    return share


def _digest_of(observations: Observations) -> str:
    """sha256 of what was read or made, as numbers."""
    digest = hashlib.sha256()
    for one in observations.sets:
        for value in astuple(one):
            _add(value, digest.update)
    return digest.hexdigest()


def _add(value: Any, update: Callable[[bytes], object]) -> None:
    if isinstance(value, np.ndarray):
        update(f"{value.dtype.str}{value.shape}".encode())
        update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Mapping):
        for name in sorted(value):
            update(f"{name}:".encode())
            _add(value[name], update)
    else:
        update(f"{value!r};".encode())
