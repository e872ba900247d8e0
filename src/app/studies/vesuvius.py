"""`vesuvius` as the doors see it: volumes must be there before any work starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.config.compose import Composed
from app.config.vesuvius.tree import StudyConfig
from app.config.vesuvius.volumes import FileSource
from app.errors import ConfigError

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

WHAT_RUNS_IMPORT = {
    "volumes": (
        "scipy.ndimage",
        "app.pipelines.vesuvius.proximal",
        "app.pipelines.vesuvius.segmentation",
    )
}


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


def families(config: StudyConfig) -> list[str]:
    """Linear models over volumes, whichever the solver."""
    return ["volumes"]


def kind(config: StudyConfig) -> str:
    """Volumes, features and solver."""
    return f"{config.derived()['prepared_key']}/{config.solver.kind}"


def smaller(config: StudyConfig, folder: Path, factor: float) -> Mapping[str, Any] | None:
    """`sampling.max_rows` times `factor`."""
    rows = int(config.sampling.max_rows * factor)
    return {"sampling.max_rows": rows} if rows >= 100 else None
