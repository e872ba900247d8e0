"""A Hydra sweep as `app.sweep` carries it out."""

import hashlib
import inspect
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import (
    JobReturn,
    configure_log,
    setup_globals,
)
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from app.config.compose import values_of
from app.config.names import conf_digest
from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.errors import ConfigError, SweepError
from app.sweep.application import Application
from app.sweep.backends import make_backend
from app.sweep.dry_run import dry_run
from app.sweep.failures import failures
from app.sweep.session import Definition, SweepSession
from app.tracking.source import source_tags
from hydra_plugins.superior_launcher._projections import PROJECT, projections_of, tracking_of
from hydra_plugins.superior_launcher._returns import Returns
from hydra_plugins.superior_launcher._task import HydraTask


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
        self._began_ns = time.time_ns()
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
        known = self.session.ledger.state.runs
        name = str(self.master.hydra.job.name)
        objective, configs = self.settings.objective, self.session.configs
        returns = Returns(self.folder, objective, name, configs, self._began_ns)
        return [
            returns.of(job, [known[run_id] for run_id in ids])
            for job, ids in zip(jobs, plan.by_job, strict=True)
        ]

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
            fingerprint=application.fingerprint() or self._fingerprint(),
            program=_program(self.task_function) if self._is_unknown() else None,
            is_whole_grid=batches is None and target.endswith(("BasicSweeper", "SuperiorSweeper")),
        )

    def _is_unknown(self) -> bool:
        """Whether the program has not said what it is."""
        return type(self.application) is Application

    def _fingerprint(self) -> str | None:
        """Of the config files of a program nothing is known of, where files are all it has."""
        registered = {
            key: node for key, node in ConfigStore.instance().repo.items() if key != "hydra"
        }
        if not self._is_unknown() or _providers(registered) - {"hydra"}:
            return None
        told = []
        for entry in self.hydra_context.config_loader.get_search_path().get_path():
            scheme, _, path = str(entry.path).rpartition("://")
            if scheme in ("", "file"):
                told.append(conf_digest(Path(path), self.folder))
            elif scheme == "pkg" and entry.provider != "hydra":
                told.append(None)
        return None if None in told else "-".join(map(str, told))

    def _sweeper(self) -> str:
        return str(self.master.hydra.sweeper.get("_target_", ""))

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        return self.hydra_context.config_loader.load_sweep_config(self.master, list(overrides))


def _settings(config: DictConfig, group: str, schema: Any) -> Any:
    if group not in config:
        return schema()
    try:
        return schema.model_validate(OmegaConf.to_container(config[group], resolve=True))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join([group, *map(str, first["loc"])])
        raise ConfigError(f"{key}: {first['msg']}") from error


def _providers(nodes: Mapping[str, Any]) -> set[str]:
    """Who registered the structured configs; they change with code, not with files."""
    found: set[str] = set()
    for node in nodes.values():
        if isinstance(node, Mapping):
            found |= _providers(node)
        else:
            found.add(str(node.provider).partition("-")[0])
    return found


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
