"""The config tree of `janus`."""

from typing import Any, Self

from pydantic import Field, model_validator

from app.config.base import NAME
from app.config.budget import Budget
from app.config.janus.cosmology import Cosmology, Custom, Rivals, models_of
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import (
    Convergence,
    Resources,
    Sampler,
    SamplingCheckpoint,
    Workers,
)
from app.config.tree import Config

DEFAULT_RIVAL = "lcdm"  # of conf/study/janus.yaml: cosmology=lcdm, no rivals chosen, is it alone


class StudyConfig(Config):
    """The groups of `janus`."""

    run_name: str | None = Field(default=None, pattern=NAME)
    # its folder of reports; null: named after model and data
    cosmology: Cosmology
    rivals: Rivals  # sampled too, and compared with it
    likelihood: Likelihood
    prior: Prior
    sampler: Sampler
    convergence: Convergence
    n_workers: int = Field(ge=1)  # processes that evaluate an opaque log-probability
    workers: Workers
    checkpoint: SamplingCheckpoint
    resources: Resources
    budget: Budget

    @model_validator(mode="after")
    def _has_data(self) -> Self:
        is_custom = isinstance(self.cosmology.root, Custom)
        if is_custom and self.likelihood.parts:
            raise ValueError(
                "likelihood: a custom log-probability has its own data; add likelihood=none"
            )
        if is_custom and self.rivals.root:
            raise ValueError(
                "rivals: a custom log-probability has nothing to be compared on; add rivals=none"
            )
        if not is_custom and not self.likelihood.parts:
            raise ValueError(
                f"likelihood: no data to compare {self.cosmology.root.name} with; e.g. "
                "likelihood=simulated"
            )
        return self

    @model_validator(mode="after")
    def _has_rivals_but_itself(self) -> Self:
        own = self.cosmology.root.name
        if self.is_own_rival and own != DEFAULT_RIVAL:
            raise ValueError(
                f"rivals: {own} is the model that is studied, there is nothing to compare it with; "
                "choose another rival, or rivals=none"
            )
        return self

    @property
    def is_own_rival(self) -> bool:
        """Whether it would be compared with itself alone."""
        return bool(self.rivals.root) and len(self.models()) == 1

    @property
    def name(self) -> str:
        """Of the run's folder."""
        if self.run_name is not None:
            return self.run_name
        return "-".join([self.cosmology.root.name, *self.likelihood.parts])

    def models(self) -> dict[str, Cosmology]:
        """Name -> model, the studied one first."""
        return models_of(self.cosmology, self.rivals)

    def derived(self) -> dict[str, Any]:
        return {"run_folder": self.name, "observed": self.likelihood.model_dump_json()}
