"""A Hydra sweep as `app.sweep` carries it out: how a run is composed, executed and returned."""

import hashlib
import inspect
import os
import pickle
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import (
    JobReturn,
    JobStatus,
    configure_log,
    run_job,
    setup_globals,
)
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict
from pydantic import ValidationError

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.errors import ConfigError, SweepError
from app.sweep.application import Application, values_of, without_hydra
from app.sweep.backends import make_backend
from app.sweep.dry_run import dry_run
from app.sweep.job import VALUE, Job
from app.sweep.ledger import SKIPPED, RunState
from app.sweep.outcome import read_outcome
from app.sweep.plan import Plan
from app.sweep.session import Definition, SweepSession, failures
from app.tracking.source import source_tags
from hydra_plugins.superior_launcher._projections import PROJECT, projections_of, tracking_of


class HydraTask:
    """Executes a run in its own process, the way Hydra's own launcher does."""

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


class HydraSweep:
    """One command `-m` on one sweep."""

    def __init__(
        self,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
        application: str,
    ) -> None:
        setup_globals()
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        self.hydra_context, self.master = hydra_context, config
        self.task_function = task_function
        self.application = _application(application)
        self.application.check(config)
        self.settings = _settings(config, "superior", Superior)
        self.scheduler = _settings(config, "scheduler", Scheduler)
        self.folder = Path(str(config.hydra.sweep.dir)).absolute()
        self.sweep = self._define(self.application)
        self._opened: SweepSession | None = None
        self.failure: SweepError | None = None  # of the last launch

    @property
    def session(self) -> SweepSession:
        """Opened when it is first needed: a dry run never does."""
        if self._opened is None:
            projections = projections_of(self.sweep)
            task = HydraTask(self.hydra_context, self.task_function)
            warm = self.sweep.application.warm
            backend = make_backend(self.settings, self.scheduler, self.folder, task, warm)
            try:
                self._opened = SweepSession(self.sweep, backend, projections)
            except BaseException:
                backend.close()
                raise
            self._opened.configs.keeps = not self._sweeper().startswith("hydra_plugins.superior")
        return self._opened

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        if self.settings.dry_run:
            sys.stdout.write(dry_run(self.sweep, jobs, first) + "\n")
            sys.exit(0)
        plan = self.session.launch(jobs, first)
        self.failure = failures(self.session.ledger, [run.run_id for run in plan.runs])
        pairs = zip(jobs, plan.by_job, strict=True)
        return [self._return(list(job), plan, ids) for job, ids in pairs]

    def close(self) -> None:
        if self._opened is None:
            return
        problems = self._opened.close()
        if problems:
            raise SweepError("; ".join(problems))

    def _define(self, application: Application) -> Definition:
        values = values_of(self.master)
        target = self._sweeper()
        batches = self.master.hydra.sweeper.get("max_batch_size")
        return Definition(
            folder=self.folder,
            command=shlex.join(["python", *sys.orig_argv[1:]]),
            config=values,
            settings=self.settings,
            scheduler=self.scheduler,
            application=application,
            compose=self._compose,
            source=source_tags(PROJECT) if tracking_of(values) is not None else {},
            program=_program(self.task_function) if type(application) is Application else None,
            is_whole_grid=batches is None and target.endswith(("BasicSweeper", "SuperiorSweeper")),
        )

    def _sweeper(self) -> str:
        return str(self.master.hydra.sweeper.get("_target_", ""))

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        return self.hydra_context.config_loader.load_sweep_config(self.master, list(overrides))

    def _return(self, job: list[str], plan: Plan, ids: list[str]) -> JobReturn:
        """What Hydra's sweepers expect of a job: of the first repeat, or the mean of all."""
        runs = [self.session.ledger.state.runs[run_id] for run_id in ids]
        told = JobReturn(overrides=job, task_name=str(self.master.hydra.job.name))
        if self.session.configs.keeps:
            told.cfg, told.hydra_cfg, told.working_dir = self._configs_of(runs[0])
        ok = [run for run in runs if run.status == "ok"]
        bad = next((run for run in runs if run.status not in ("ok", *SKIPPED)), None)
        if bad is None and ok:  # repeats that a policy skipped are no failures
            told.status = JobStatus.COMPLETED
            told.return_value = self._value(ok)
        else:
            told.status = JobStatus.FAILED
            told.return_value = _kept_error(self.folder, bad or runs[0])
        return told

    def _configs_of(self, run: RunState) -> tuple[DictConfig, DictConfig, str]:
        """The config that the run had, the part of it that is Hydra's, and where it ran."""
        composed = self.session.configs.of(run.overrides)
        with open_dict(composed):
            composed.hydra.job.id, composed.hydra.job.num = run.run_id, run.position
            folder = Path(str(composed.hydra.sweep.dir)) / str(composed.hydra.sweep.subdir)
            composed.hydra.runtime.output_dir = os.path.abspath(folder)
        outcome = read_outcome(self.folder / run.folder, run.run_id, run.attempt)
        hydra_cfg = OmegaConf.create({"hydra": composed.hydra})
        return without_hydra(composed), hydra_cfg, outcome.working_dir if outcome else ""

    def _value(self, runs: list[RunState]) -> Any:
        values = [self._value_of(run) for run in runs]
        if len(values) == 1:
            return values[0]
        rows = [value if isinstance(value, list | tuple) else [value] for value in values]
        if not all(isinstance(number, int | float) for row in rows for number in row):
            return values[0]
        means = [sum(column) / len(column) for column in zip(*rows, strict=True)]
        return means if isinstance(values[0], list | tuple) else means[0]

    def _value_of(self, run: RunState) -> Any:
        """What the task returned; where that is nothing, the objective of its best model."""
        value = _kept_value(self.folder, run)
        scores = [
            told[self.settings.objective]
            for told in run.metrics.values()
            if self.settings.objective in told
        ]
        return max(scores) if value is None and scores else value


def _kept_value(folder: Path, run: RunState) -> Any:
    """A value JSON could not hold is read once, by the process whose own run wrote it."""
    file = folder / run.folder / VALUE
    if run.value is None and file.exists():
        value = pickle.loads(file.read_bytes())
        file.unlink()
        return value
    return run.value


def _kept_error(folder: Path, run: RunState) -> BaseException:
    file = folder / run.folder / VALUE
    if run.status == "failed" and file.exists():
        error = pickle.loads(file.read_bytes())
        file.unlink()
        if isinstance(error, Exception):
            return error
    return SweepError(f"{' '.join(run.overrides)}: {run.status}: {run.error or run.because}")


def _settings(config: DictConfig, group: str, schema: Any) -> Any:
    if group not in config:
        return schema()
    try:
        return schema.model_validate(OmegaConf.to_container(config[group], resolve=True))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join([group, *map(str, first["loc"])])
        raise ConfigError(f"{key}: {first['msg']}") from error


def _program(task_function: TaskFunction) -> str | None:
    """A hash of the file that holds the task, for programs that do not say what they are."""
    try:
        source = inspect.getsourcefile(inspect.unwrap(task_function))
    except TypeError:
        return None
    content = Path(source).read_bytes() if source and Path(source).is_file() else b""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _application(name: str) -> Application:
    module, _, cls = name.partition(":")
    try:
        made = getattr(import_module(module), cls)()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"hydra.launcher.application={name}: {error}") from error
    assert isinstance(made, Application)
    return made
