"""The side of a posterior that data are on: what a likelihood tells besides its value."""

from collections.abc import Mapping
from typing import Any

from app.pipelines.janus.information import Data
from app.pipelines.janus.model_likelihood import ModelLikelihood
from app.pipelines.janus.posterior import Posterior


def on_data(posterior: Posterior) -> ModelLikelihood | None:
    """None: a user's own log-probability, of data that nobody else knows."""
    likelihood = posterior.log_likelihood_of
    return likelihood if isinstance(likelihood, ModelLikelihood) else None


def data_of(posterior: Posterior) -> Data | None:
    """What the information criteria need of the data."""
    found = on_data(posterior)
    if found is None:
        return None
    described = list(found.combined.description.values())
    return Data(
        count=sum(told["n_data"] for told in described),
        gaussian=sum(told["n_gaussian"] for told in described),
        offsets=sum(map(fitted_offsets, described)),
        chi2=found.chi2,
        chi2_gaussian=found.chi2_gaussian,
        pointwise=found.pointwise,
    )


def fitted_offsets(told: Mapping[str, Any]) -> int:
    """Of the description of a part: one for each survey, unless moduli are absolute."""
    return len(told["surveys"]) if told.get("offset") in ("marginalised", "profiled") else 0
