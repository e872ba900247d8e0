"""What the doors ask of a study: its stages, what must be there before it runs, and how a sweep is
to treat its runs. `app.studies.<study>` answers."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from app.config.compose import Composed

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline  # planning a sweep needs no Kedro


class Study(Protocol):
    """A module with these functions and constants. `config` is of the study's own schema."""

    WHAT_RUNS_IMPORT: Mapping[str, Sequence[str]]  # family -> modules its runs import

    def stages(self) -> "dict[str, Pipeline]":
        """The stages in the order they run."""

    def require_inputs(self, config: Any) -> None:
        """Makes the embedded data where they are asked for; refuses absent files and packages."""

    def parts(self, composed: Composed) -> list[Composed]:
        """The runs that a config asks for; nearly always itself."""

    def written_folder(self, config: Any) -> Path:
        """The folder that one run at a time may write."""

    def running(self, config: Any) -> AbstractContextManager[object]:
        """What is open while a run is at work, closed with what ended it."""

    def families(self, config: Any) -> list[str]:
        """What the run trains, by what it imports and needs."""

    def kind(self, config: Any) -> str:
        """Runs of one kind need about the same memory and time."""

    def smaller(self, config: Any, folder: Path, factor: float) -> Mapping[str, Any] | None:
        """Overrides that make the run's work `factor` times as large; None: there are none."""


def study_named(name: str) -> Study:
    """The study's module."""
    return cast(Study, import_module(f"app.studies.{name}"))
