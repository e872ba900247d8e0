"""The durable run that the nodes of a pipeline work in: opened by the door, handed to each node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.run import DurableRun
from app.errors import ConfigError

_open: dict[Path, DurableRun] = {}


@contextmanager
def opened(run: DurableRun) -> Iterator[DurableRun]:
    """Inside, nodes are given this run; it is closed at the end, with what ended it."""
    folder = run.folder.absolute()
    with run:
        _open[folder] = run
        try:
            yield run
        finally:
            del _open[folder]


class OpenRunDataset(AbstractDataset[Any, DurableRun]):
    """Kedro dataset of the run whose folder this is."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def load(self) -> DurableRun:
        try:
            return _open[self.folder.absolute()]
        except KeyError:
            raise ConfigError(
                f"{self.folder}: no run is open there; nodes of a durable run are run by "
                "`kedro run` or `python -m app`"
            ) from None

    def save(self, data: Any) -> None:
        raise ConfigError("a run is opened by the door, never saved")

    def _exists(self) -> bool:
        return self.folder.absolute() in _open

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
