"""The launcher as Hydra sees it. Hydra imports this file in every run: what it needs to launch is
imported when it launches."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from hydra_plugins.superior_launcher._core import HydraSweep

log = logging.getLogger(__name__)


@dataclass
class SuperiorLauncherConf:
    _target_: str = "hydra_plugins.superior_launcher.launcher.SuperiorLauncher"
    application: str = "app.sweep.application:Application"  # package.module:Class


ConfigStore.instance().store(
    group="hydra/launcher", name="superior", node=SuperiorLauncherConf, provider="superior"
)


class SuperiorLauncher(Launcher):
    """Hands the jobs to `app.sweep`, which loses none of them."""

    def __init__(self, application: str) -> None:
        self.application = application
        self.keeps_open = False  # a sweeper that launches several times closes it itself
        self.failure: Exception | None = None  # counts the runs that have no result
        self._sweep: HydraSweep | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """One JobReturn for each job, in order; a run that failed carries its error."""
        if self._sweep is None:
            from hydra_plugins.superior_launcher._core import HydraSweep

            self._sweep = HydraSweep(
                self.hydra_context, self.task_function, self.config, self.application
            )
        try:
            returns = self._sweep.launch(job_overrides, initial_job_idx)
            self.failure = self._sweep.failure
        except BaseException:
            self._close_after_failure()
            raise
        if not self.keeps_open:
            self.close()
        return returns

    def _close_after_failure(self) -> None:
        """What closing finds is told, and does not take the place of the failure."""
        try:
            self.close()
        except Exception as problem:
            log.warning("%s", problem)

    def close(self) -> None:
        """Ends what runs, and writes tables and report."""
        if self._sweep is not None:
            sweep, self._sweep = self._sweep, None
            sweep.close()
