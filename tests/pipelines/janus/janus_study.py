"""The study's own pieces put together without its pipeline, for tests of its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from app.config.compose import compose
from app.config.janus.likelihood import Likelihood
from app.config.janus.sampler import Convergence
from app.config.janus.tree import StudyConfig
from app.datasets.observations.dataset import read
from app.datasets.observations.kinds import Observations
from app.durable.run import DurableRun
from app.pipelines.janus.assembly import posterior_of
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.task import SamplingTask
from app.pipelines.janus.sampling import SAMPLERS

CONF = Path(__file__).parents[3] / "conf"


@dataclass(frozen=True)
class Study:
    """A config as it is shipped, and the data it names."""

    config: StudyConfig
    observations: Observations

    @classmethod
    def of(cls, overrides: Sequence[str], data_root: Path, seed: int = 0) -> "Study":
        config = compose(["pipeline=janus", *overrides], CONF).config
        assert isinstance(config, StudyConfig)
        return cls(config, read(config.likelihood, data_root, seed))

    def on(self, observations: Observations) -> "Study":
        return replace(self, observations=observations)

    @property
    def likelihood(self) -> Likelihood:
        return self.config.likelihood

    def posterior(self) -> Posterior:
        config = self.config
        return posterior_of(config.cosmology, config.likelihood, config.prior, self.observations)


def task_in(
    run: DurableRun,
    posterior: Posterior,
    study: Study,
    *,
    name: str = "model",
    seed: int = 1,
    **targets: Any,
) -> SamplingTask:
    """`targets` of convergence replace the study's."""
    told = study.config.convergence.model_dump() | targets
    return SamplingTask(
        posterior,
        Convergence.model_validate(told),
        study.config.checkpoint,
        run,
        name,
        seed,
        {"seed": seed},
    )


def sampled(
    folder: Path, posterior: Posterior, study: Study, *, sampler: Any = None, **told: Any
) -> Draws:
    """By the study's sampler, or another."""
    chosen = sampler or study.config.sampler.root
    module = import_module(f"app.pipelines.janus.samplers.{SAMPLERS[chosen.kind]}")
    with (
        DurableRun(folder, study="janus", run_name="test", phases={"sample": 1.0}) as run,
        run.phase("sample"),
    ):
        draws: Draws = module.sample(task_in(run, posterior, study, **told), chosen)
    return draws
