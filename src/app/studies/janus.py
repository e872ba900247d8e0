"""`janus` as the doors see it: data must be there before any work starts."""

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.config.compose import Composed
from app.config.janus.likelihood import Simulated
from app.config.janus.sampler import Dynesty, Emcee, Nautilus
from app.config.janus.tree import StudyConfig
from app.errors import ConfigError, MissingExtraError, SuperiorError, nearest

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

log = logging.getLogger(__name__)

PHASES = {"sample": 10.0, "assess": 2.0, "export": 2.0, "plots": 6.0}  # expected costs
RESERVE_S = {"assess": 3.0, "export": 3.0, "plots": 8.0}  # kept back of a budget, at least
PACKAGES = {
    "emcee": "emcee",
    "importance": "scipy",
    "quadrature": "scipy",
    "nautilus": "nautilus",
    "dynesty": "dynesty",
}
ALWAYS = ("arviz", "corner", "h5netcdf", "h5py", "emcee")  # of diagnostics, plots and exports
WHAT_RUNS_IMPORT = {
    "posterior": (
        "scipy.stats",
        "emcee",
        "h5py",
        "app.pipelines.janus.assembly",
        "app.pipelines.janus.report",
    )
}


def stages() -> "dict[str, Pipeline]":
    """Sample, report."""
    from app.pipelines import janus  # planning a sweep needs no Kedro

    return janus.stages()


def require_inputs(config: StudyConfig) -> None:
    """Refuses absent files, absent packages, and budgets of phases that there are not.

    Raises:
        ConfigError: names the key, the path, and what to do.
        MissingExtraError: names the extra.
    """
    for phase in config.budget.phases:
        if phase not in PHASES:
            raise ConfigError(f"budget.phases.{phase}: no such phase{nearest(phase, PHASES)}")
    for package in (PACKAGES[config.sampler.root.kind], *ALWAYS):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"the study janus needs {package}: pip install 'superior[sampling]'"
            )
    for name, part in config.likelihood.parts.items():
        if isinstance(part.root, Simulated):
            continue
        path = Path(config.data_root) / part.root.path
        if not (path.exists() or path.with_name(f"{path.name}.gz").exists()):  # as readers look
            raise ConfigError(
                f"likelihood.parts.{name}.path: no file {path}\n  data_root={config.data_root}; "
                "give the folder of your data with data_root=..."
            )


def parts(composed: Composed) -> list[Composed]:
    """One config is one run."""
    return [composed]


def written_folder(config: StudyConfig) -> Path:
    """Where the run's reports are."""
    return Path(config.output_root) / "reports" / "janus" / config.name


@contextmanager
def running(config: StudyConfig) -> Iterator[object]:
    """The durable run: its journal, its budget, its checkpoints; `<run>_status.json` beside
    `status.json`, which it is another name of.

    Raises:
        SuperiorError: the budget was over before there was a draw to report.
    """
    from app.datasets.open_run import opened
    from app.durable.alarm import DeadlineReached
    from app.durable.opening import governor_of, move_aside, tell_preflight, undone_phase
    from app.durable.run import DurableRun
    from app.durable.status import STATUS

    folder, told = written_folder(config), config.budget
    if not config.checkpoint.resume and _samples(config):
        move_aside(folder)
    _also_named(folder / STATUS, folder / f"{config.name}_{STATUS}")
    run = DurableRun(
        folder,
        study="janus",
        run_name=config.name,
        phases=PHASES,
        governor=governor_of(told, RESERVE_S),
        generations=config.checkpoint.generations,
    )
    try:
        _tell_of(config)
        with opened(run):
            tell_preflight(run, data_root=config.data_root, data=list(config.likelihood.parts))
            yield run
    except DeadlineReached as reached:
        raise SuperiorError(
            f"the budget ({told.total or told.deadline}) was over in the phase "
            f"{undone_phase(run)}, before there was a draw to report\n  what was sampled is kept: "
            "the same command goes on from it; give it more with budget.total=..."
        ) from reached


def _tell_of(config: StudyConfig) -> None:
    """What was asked for, and may not be meant."""
    for one, other, shared in config.likelihood.overlaps():
        log.warning(
            "%s and %s share %s: the supernovae of these surveys count twice "
            "(likelihood.overlap=true)",
            one,
            other,
            ", ".join(shared),
        )
    if config.is_own_rival:
        log.warning(
            "%s is its only rival: nothing is compared; rivals=none, or another one",
            config.cosmology.root.name,
        )


def _samples(config: StudyConfig) -> bool:
    names = {name.strip().removeprefix("janus.") for name in config.pipeline.split(",")}
    return bool(names & {"janus", "sample"})


def _also_named(file: Path, link: Path) -> None:
    if not link.is_symlink():
        os.symlink(file.name, link)


def families(config: StudyConfig) -> list[str]:
    """Posteriors, whichever the sampler."""
    return ["posterior"]


def kind(config: StudyConfig) -> str:
    """Data and sampler."""
    return f"{'+'.join(config.likelihood.parts) or 'custom'}/{config.sampler.root.kind}"


def smaller(config: StudyConfig, folder: Path, factor: float) -> Mapping[str, Any] | None:
    """What takes the memory, times `factor`: steps of chains, live points, batches."""
    sampler = config.sampler.root
    if isinstance(sampler, Emcee):
        steps = int(sampler.steps * factor)
        return {"sampler.steps": steps} if steps >= 100 else None
    if isinstance(sampler, Nautilus | Dynesty):
        live = int(sampler.live_points * factor)
        return {"sampler.live_points": live} if live >= 50 else None
    return None
