"""`vesuvius` as the doors see it: volumes must be there before any work starts."""

import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from app.config.compose import Composed
from app.config.durations import deadline_at, seconds_of
from app.config.vesuvius.tree import StudyConfig
from app.config.vesuvius.volumes import FileSource
from app.errors import ConfigError, SuperiorError

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

CONF = Path(__file__).resolve().parents[3] / "conf"
IMPORTED = "imported"  # folder of a run: the checkpoint that checkpoint.resume_from names
PHASES = {  # expected cost of each against the others, until a run has measured it
    "discovery": 1.0,
    "load": 1.0,
    "features": 10.0,
    "train_data": 2.0,
    "train_fit": 60.0,
    "distillation": 10.0,
    "segment": 10.0,
    "package": 2.0,
}
PACKAGE_S = 2.0  # kept at least for the submission and the page
WHAT_RUNS_IMPORT = {
    "volumes": (
        "scipy.ndimage",
        "app.pipelines.vesuvius.proximal",
        "app.pipelines.vesuvius.segmentation",
    )
}

log = logging.getLogger("app")


def stages() -> "dict[str, Pipeline]":
    """Prepare, train, evaluate, report."""
    from app.pipelines import vesuvius  # planning a sweep needs no Kedro

    return vesuvius.stages()


def require_inputs(config: StudyConfig) -> None:
    """Refuses absent folders of volumes.

    Raises:
        ConfigError: names the key, the path, and what to do.
    """
    source = config.volumes.source
    if not isinstance(source, FileSource):
        return
    for key, folder in (("images", source.images), ("labels", source.labels)):
        if folder is not None and not (path := Path(config.data_root) / folder).is_dir():
            raise ConfigError(
                f"volumes.source.{key}: no folder {path}\n  data_root={config.data_root}; give "
                "the folder of your data with data_root=..."
            )


def parts(composed: Composed) -> list[Composed]:
    """One config is one run."""
    return [composed]


def written_folder(config: StudyConfig) -> Path:
    """Where the run's reports are."""
    return Path(config.output_root) / "reports" / "vesuvius" / config.run_name


@contextmanager
def running(config: StudyConfig) -> Iterator[object]:
    """The durable run: its journal, its budget, its checkpoints; one published elsewhere is
    fetched first.

    Raises:
        SuperiorError: the budget was over before there was anything to hand in.
        ResumeError: `checkpoint.resume_from` names no checkpoint, or a damaged one.
    """
    from app.datasets.open_run import opened
    from app.durable.alarm import DeadlineReached
    from app.durable.governor import Governor
    from app.durable.run import DurableRun

    folder = written_folder(config)
    if not config.checkpoint.resume:
        _move_aside(folder)
    if config.checkpoint.resume_from is not None:
        _fetch(config, config.checkpoint.resume_from, folder)
    told = config.budget
    governor = Governor(
        seconds_of(told.total) if told.total else None,
        dict.fromkeys(_reserved(config), 0.0) | {"package": PACKAGE_S},
        {name: seconds_of(most) for name, most in told.phases.items()},
        spent_s=time.time() - psutil.Process().create_time(),
        reserve_s=seconds_of(told.reserve) if told.reserve else 0.0,
        until_s=_until(told.deadline),
    )
    run = DurableRun(
        folder,
        study="vesuvius",
        run_name=config.run_name,
        phases={name: PHASES[name] for name in PHASES if _has(config, name)},
        governor=governor,
        generations=config.checkpoint.generations,
    )
    try:
        with opened(run):
            yield run
    except DeadlineReached as reached:
        raise SuperiorError(
            f"the budget was over in the phase {governor.current or 'before training'}: "
            f"{reached}\n  what was prepared is kept; the same command goes on, with a new budget"
        ) from reached


def _has(config: StudyConfig, phase: str) -> bool:
    return phase != "distillation" or config.distillation.enabled


def _reserved(config: StudyConfig) -> list[str]:
    names = list(PHASES)
    return [name for name in names[names.index("train_fit") + 1 :] if _has(config, name)]


def _until(deadline: str | None) -> float | None:
    if deadline is None:
        return None
    at = deadline_at(deadline, datetime.now(UTC))
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)


def _move_aside(folder: Path) -> None:
    """An earlier run of this name is kept, under the time of its last change."""
    if folder.is_dir() and any(folder.glob("journal.jsonl")):
        at = datetime.fromtimestamp((folder / "journal.jsonl").stat().st_mtime)
        folder.rename(folder.with_name(f"{folder.name}.{at:%Y%m%d-%H%M%S}"))


def _fetch(config: StudyConfig, uri: str, folder: Path) -> None:
    from app.tracking.checkpoint import fetch
    from app.tracking.store import Store

    imported = folder / IMPORTED
    shutil.rmtree(imported, ignore_errors=True)
    told = fetch(Store.resolve(config.tracking.uri, CONF.parent), uri, imported)
    log.info("%s: version %s", uri, told["version"])


def families(config: StudyConfig) -> list[str]:
    """Linear models over volumes, whichever the solver."""
    return ["volumes"]


def kind(config: StudyConfig) -> str:
    """Volumes, features and solver."""
    return f"{config.derived()['prepared_key']}/{config.solver.root.kind}"


def smaller(config: StudyConfig, folder: Path, factor: float) -> Mapping[str, Any] | None:
    """`sampling.max_rows` times `factor`."""
    rows = int(config.sampling.max_rows * factor)
    return {"sampling.max_rows": rows} if rows >= 100 else None
