"""`vesuvius` as the doors see it: volumes must be there before any work starts."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.config.compose import Composed
from app.config.vesuvius.tree import StudyConfig
from app.config.vesuvius.volumes import FileSource
from app.errors import ConfigError, SuperiorError, nearest

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
    "forest": 60.0,
    "package": 2.0,
}
LEAST_S = {"segment": 0.1, "package": 0.3}  # kept back: files are written after each, too
TRACKING_S = 2.0  # more, where MLflow is to have the last of it
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
    """Refuses absent folders of volumes, and budgets of phases that there are not.

    Raises:
        ConfigError: names the key, the path, and what to do.
    """
    for phase in config.budget.phases:
        if phase not in PHASES:
            raise ConfigError(f"budget.phases.{phase}: no such phase{nearest(phase, PHASES)}")
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
    from app.durable.opening import governor_of, move_aside, tell_preflight, undone_phase
    from app.durable.run import DurableRun

    folder = written_folder(config)
    if not config.checkpoint.resume and _trains(config):
        move_aside(folder)
    shutil.rmtree(folder / IMPORTED, ignore_errors=True)
    if config.checkpoint.resume_from is not None and _trains(config):
        _fetch(config, config.checkpoint.resume_from, folder / IMPORTED)
    told = config.budget
    run = DurableRun(
        folder,
        study="vesuvius",
        run_name=config.run_name,
        phases={name: PHASES[name] for name in PHASES if _has(config, name)},
        governor=governor_of(told, _reserve(config)),
        generations=config.checkpoint.generations,
    )
    try:
        with opened(run):
            tell_preflight(run, data_root=config.data_root, volumes=config.volumes.name)
            yield run
    except DeadlineReached as reached:
        raise SuperiorError(
            f"the budget ({told.total or told.deadline}) was over in the phase "
            f"{undone_phase(run)}, before training began; nothing new can be handed in\n"
            "  what was prepared is kept: the same command goes on from it; give it more with "
            "budget.total=..."
        ) from reached


def _has(config: StudyConfig, phase: str) -> bool:
    wanted = {"distillation": config.distillation.enabled, "forest": config.judging.forest}
    return wanted.get(phase, True)


def _reserved(config: StudyConfig) -> list[str]:
    """Not the forest: it has what time is left."""
    names = list(PHASES)
    after = names[names.index("train_fit") + 1 :]
    return [name for name in after if _has(config, name) and name != "forest"]


def _reserve(config: StudyConfig) -> dict[str, float]:
    """phase -> seconds kept back for it at least; more where its rehearsal took longer."""
    kept = dict.fromkeys(_reserved(config), 0.0) | LEAST_S
    if config.tracking.enabled:
        kept["package"] += TRACKING_S
    return kept


def _trains(config: StudyConfig) -> bool:
    """Whether the grid is part of what runs."""
    names = {name.strip().removeprefix("vesuvius.") for name in config.pipeline.split(",")}
    return bool(names & {"vesuvius", "train"})


def _fetch(config: StudyConfig, uri: str, imported: Path) -> None:
    from app.tracking.checkpoint import fetch
    from app.tracking.store import Store

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
