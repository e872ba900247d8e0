"""A search for the best values, with Optuna: `hydra/sweeper=optuna`.

    hydra:
      sweeper:
        params: {C: "tag(log, interval(0.01, 100))"}    # axes, as on the command line
        n_trials: 20

Hydra imports this file in every run: Optuna is imported when it searches.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import MISSING, DictConfig


@dataclass
class OptunaSweeperConf:
    _target_: str = "hydra_plugins.superior_optuna_sweeper.sweeper.OptunaSweeper"
    _recursive_: bool = False  # the sampler is made when the search begins
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "tpe"}])
    sampler: Any = MISSING
    n_trials: int = 20
    n_jobs: int = 2  # trials proposed at a time, before the values of any of them are known
    direction: Any = None  # minimize, maximize, or a list; None: maximize superior.objective
    max_failure_rate: float = 0.0  # of the trials; above it, the search ends with an error
    study_name: str | None = None  # None: the name of the sweep's folder
    params: dict[str, Any] | None = None


SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "grid": "GridSampler",
    "nsgaii": "NSGAIISampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
}

_store = ConfigStore.instance()
_store.store(group="hydra/sweeper", name="optuna", node=OptunaSweeperConf, provider="superior")
for _name, _class in SAMPLERS.items():
    _store.store(
        group="hydra/sweeper/sampler",
        name=_name,
        node={"_target_": f"optuna.samplers.{_class}", "seed": None},  # None: that of the config
        provider="superior",
    )


class OptunaSweeper(Sweeper):
    """Launches one batch of trials after the other; the launcher's ledger makes it resume."""

    def __init__(
        self,
        sampler: DictConfig,
        n_trials: int,
        n_jobs: int,
        direction: Any,
        max_failure_rate: float,
        study_name: str | None,
        params: DictConfig | None,
    ) -> None:
        self.sampler, self.direction, self.study_name = sampler, direction, study_name
        self.n_trials, self.n_jobs, self.max_failure_rate = n_trials, n_jobs, max_failure_rate
        self.params = {str(key): value for key, value in (params or {}).items()}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Searches; the JobReturns of each batch.

        Raises:
            MissingExtraError: Optuna, or a package of the sampler, is not installed.
            ConfigError: an axis, the sampler or a setting is wrong; or the ledger holds another
                search.
            SweepError: a run gave no number, or more failed than max_failure_rate allows.
        """
        from app.errors import MissingExtraError

        try:
            with _one_thread():
                from hydra_plugins.superior_optuna_sweeper._search import search
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"hydra/sweeper=optuna needs the extra `optuna` ({error.name} is not installed): "
                "pip install -e '.[optuna]'"
            ) from error
        return search(self, arguments)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Runs are forked from this process: NumPy, imported here, keeps for all of them the number of
    threads it finds now."""
    from app.sweep.zygote import THREADS

    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
