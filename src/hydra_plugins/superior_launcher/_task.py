"""One run, executed in its own process as `hydra.core.utils.run_job` does it.

That function is made for a process that goes on: it copies the config several times, so that one
run leaves nothing to the next, which costs as much as all the rest of a small run. This process
ends with the run, and the config is its own.
"""

import os
import pickle
from pathlib import Path
from typing import Any

from hydra import version
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from app.sweep.job import Job


class HydraTask:
    """The task of a Hydra program, for the processes of its runs."""

    def __init__(self, hydra_context: HydraContext, task_function: TaskFunction) -> None:
        self.hydra_context, self.task_function = hydra_context, task_function

    def __call__(self, job: Job) -> tuple[Any, str]:
        """What the task returned, and the directory it ran in; raises what the task raised."""
        setup_globals()
        composed: DictConfig = pickle.loads(job.config)  # packed by the sweep that started us
        told = JobReturn(overrides=list(composed.hydra.overrides.task))
        _tell_hydra(composed)
        told.cfg, told.hydra_cfg = _without_hydra(job.config), composed
        folder = Path(composed.hydra.runtime.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        if _changes_directory(composed):
            os.chdir(folder)
        told.working_dir = os.getcwd()
        told.task_name = composed.hydra.job.name
        configure_log(composed.hydra.job_logging, composed.hydra.verbose)
        _save(composed, told, folder)
        self._execute(composed, told)
        return told.return_value, told.working_dir

    def _execute(self, composed: DictConfig, told: JobReturn) -> None:
        callbacks = self.hydra_context.callbacks
        with env_override(composed.hydra.job.env_set):
            callbacks.on_job_start(config=composed, task_function=self.task_function)
            try:
                told.return_value = self.task_function(told.cfg)
                told.status = JobStatus.COMPLETED
            except Exception as error:
                told.return_value = error
                told.status = JobStatus.FAILED
        callbacks.on_job_end(config=composed, job_return=told)

    def __getstate__(self) -> dict[str, Any]:
        """For another machine: with what this process has told Hydra."""
        return {**self.__dict__, "singletons": Singleton.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Singleton.set_state(state.pop("singletons"))
        self.__dict__.update(state)


def _tell_hydra(composed: DictConfig) -> None:
    """Makes the config the one that `HydraConfig.get` answers from, its output directory known."""
    hydra: Any = HydraConfig.instance()
    hydra.cfg = composed  # before the directory: that may be named by `${hydra:...}`
    folder = os.path.join(str(composed.hydra.sweep.dir), str(composed.hydra.sweep.subdir))
    with open_dict(composed.hydra.runtime):
        composed.hydra.runtime.output_dir = os.path.abspath(folder)
    OmegaConf.set_readonly(composed.hydra, True)


def _changes_directory(composed: DictConfig) -> bool:
    told = composed.hydra.job.chdir
    return bool(not version.base_at_least("1.2") if told is None else told)


def _without_hydra(packed: bytes) -> DictConfig:
    """Unpacked again: OmegaConf takes longer to copy a config."""
    config: DictConfig = pickle.loads(packed)
    with open_dict(config):
        del config["hydra"]
    return config


def _save(composed: DictConfig, told: JobReturn, folder: Path) -> None:
    if composed.hydra.output_subdir is None:
        return
    saved = folder / composed.hydra.output_subdir
    saved.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(told.cfg, saved / "config.yaml")
    OmegaConf.save(OmegaConf.masked_copy(composed, "hydra"), saved / "hydra.yaml")
    OmegaConf.save(composed.hydra.overrides.task, saved / "overrides.yaml")
