"""One run, executed in its own process the way Hydra's own launcher does it."""

import pickle
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from app.sweep.job import Job


class HydraTask:
    """The task of a Hydra program, for the processes of its runs."""

    def __init__(self, hydra_context: HydraContext, task_function: TaskFunction) -> None:
        self.hydra_context, self.task_function = hydra_context, task_function

    def __call__(self, job: Job) -> tuple[Any, str]:
        """What the task returned, and the directory it ran in."""
        setup_globals()
        composed: DictConfig = pickle.loads(job.config)  # packed by the sweep that started us
        told = run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=composed,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        return told.return_value, str(told.working_dir)  # raises the error of a task that failed

    def __getstate__(self) -> dict[str, Any]:
        """For another machine: with what this process has told Hydra."""
        return {**self.__dict__, "singletons": Singleton.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Singleton.set_state(state.pop("singletons"))
        self.__dict__.update(state)
