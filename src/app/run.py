"""One run, whichever door it came through: the same session, the same parameters, one writer per
folder of files."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from kedro.framework.project import pipelines
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from app.config.compose import Composed
from app.config.tree import STAGES, Config
from app.durable.atomic import write_text
from app.errors import ConfigError, nearest
from app.selection import require_nodes
from app.studies import study_named

PROJECT = Path(__file__).resolve().parents[2]
CONF = PROJECT / "conf"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """Which part of the pipelines runs, in Kedro's terms; all of it by default."""

    env: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)  # arguments of the session's `run`


def run(composed: Composed, selection: Selection | None = None) -> None:
    """Runs `config.pipeline` (names separated by commas) with this config.

    Raises:
        ConfigError: before any work, for a pipeline, node or path that does not exist.
        SuperiorError: whatever the run itself says.
    """
    os.chdir(PROJECT)  # relative paths are the project's, through either door
    bootstrap_project(PROJECT)
    selection = selection or Selection()
    if selection.env is not None and not (CONF / selection.env).is_dir():
        raise ConfigError(f"--env={selection.env}: no folder conf/{selection.env}")
    study = study_named(composed.config.study)
    names = _known_pipelines(composed.config)
    require_nodes(sum((pipelines[name] for name in names), Pipeline([])), selection.filters)
    with _stage_cache(composed) as chosen:
        for part in study.parts(composed):
            study.require_inputs(part.config)
            with _only_writer(study.written_folder(part.config)), study.running(part.config):
                _run_session(part, names, selection.env, {**chosen, **selection.filters})


def make_ready() -> None:
    """What every run does first, for a process that many are forked from."""
    os.chdir(PROJECT)
    bootstrap_project(PROJECT)
    list(pipelines)  # builds them


def _run_session(
    composed: Composed, names: list[str], env: str | None, arguments: Mapping[str, Any]
) -> None:
    with KedroServiceSession.create(project_path=PROJECT, env=env) as session:
        session.run(pipeline_names=names, runtime_params=composed.tree, **arguments)


@contextmanager
def _stage_cache(composed: Composed) -> Iterator[dict[str, Any]]:
    """The runner of a sweep's run, which takes unchanged nodes from the folder that
    SUPERIOR_STAGE_CACHE names; afterwards which ones it took is told beside the run's record."""
    folder = os.environ.get("SUPERIOR_STAGE_CACHE")
    if not folder:
        yield {}
        return
    from app.stages.runner import StageRunner
    from app.sweep.cache import StageCache
    from app.sweep.outcome import CACHED

    runner = StageRunner(StageCache(Path(folder), composed.config.superior.cache_gb))
    try:
        yield {"runner": runner}
    finally:
        if record := os.environ.get("SUPERIOR_RECORD"):
            write_text(Path(record).with_name(CACHED), json.dumps(runner.restored) + "\n")


def _known_pipelines(config: Config) -> list[str]:
    """`config.pipeline` as Kedro knows them; a stage is that of the run's study."""
    wanted = []
    for name in (name.strip() for name in config.pipeline.split(",")):
        wanted.append(full := f"{config.study}.{name}" if name in STAGES else name)
        if full not in pipelines:
            raise ConfigError(f"pipeline={name}: no such pipeline{nearest(name, pipelines.keys())}")
    return wanted


class _only_writer:
    """Waits, saying so, while another run writes the same files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.holder = folder / ".writer"
        self.lock = FileLock(folder / ".lock")

    def __enter__(self) -> None:
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            pid = self.holder.read_text() if self.holder.exists() else "?"
            log.warning(
                "waiting: process %s writes %s; this run goes on when it ends "
                "(output_root=OTHER gives it files of its own)",
                pid,
                self.holder.parent,
            )
            self.lock.acquire()
        self.holder.write_text(str(os.getpid()))

    def __exit__(self, *_: object) -> None:
        self.holder.unlink(missing_ok=True)
        self.lock.release()
