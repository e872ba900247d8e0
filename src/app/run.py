"""One run, whichever door it came through: the same session, the same parameters, one writer per
folder of files."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from kedro.framework.project import pipelines
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from app.config.compose import Composed, compose
from app.errors import ConfigError, nearest
from app.inputs import require_inputs
from app.selection import require_nodes

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
    names = _known_pipelines(composed.config.pipeline)
    require_nodes(sum((pipelines[name] for name in names), Pipeline([])), selection.filters)
    for part in _parts(composed):
        require_inputs(part.config)
        with _only_writer(part):
            _run_session(part, names, selection)


def _run_session(composed: Composed, names: list[str], selection: Selection) -> None:
    with KedroServiceSession.create(project_path=PROJECT, env=selection.env) as session:
        session.run(pipeline_names=names, runtime_params=composed.tree, **selection.filters)


def _parts(composed: Composed) -> list[Composed]:
    """The runs a config asks for: several where corpora are to be kept separate."""
    dataset, root = composed.config.dataset, composed.config.output_root
    if dataset.merge_mode != "separate":
        return [composed]
    return [
        compose(
            [
                *composed.overrides,
                "dataset.merge_mode=single",
                f"dataset.corpus_ids=[{corpus_id}]",
                f"dataset.dataset_id={dataset.dataset_id}.{corpus_id}",
                "output_root='{}'".format(root.replace("'", r"\'")),  # of its job, in a sweep
            ],
            CONF,
        )
        for corpus_id in dataset.corpus_ids
    ]


def _known_pipelines(names: str) -> list[str]:
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in pipelines:
            raise ConfigError(f"pipeline={name}: no such pipeline{nearest(name, pipelines.keys())}")
    return wanted


class _only_writer:
    """Waits, saying so, while another run writes the files of the same dataset and view."""

    def __init__(self, composed: Composed) -> None:
        config = composed.config
        folder = Path(config.output_root) / "interim" / config.dataset.key() / config.view.name
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
