"""A folder with one file for each side of a split, replaced as a whole: <folder>/train, /job.

A format is written for the families that are configured. For one that is not, the data is `{}`
and the folder does not exist, so that files of an earlier run cannot be taken for this one's.
"""

import shutil
from abc import abstractmethod
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from app.durable.atomic import atomic_folder

Frame = pl.DataFrame | pl.LazyFrame
SIDES = ("train", "job")


class SidesDataset(AbstractDataset[dict[str, Frame], dict[str, Frame]]):
    """`{"train": table, "job": table}`, or `{}`. Loaded lazily: a node reads the side it needs."""

    suffix: str
    replaces_folder = True  # nothing else lives in it

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    @abstractmethod
    def read_side(self, file: Path) -> pl.LazyFrame:
        """The table of one side's file."""

    @abstractmethod
    def write_side(self, table: pl.LazyFrame, file: Path) -> None:
        """Writes the table of one side, as it is read."""

    def load(self) -> dict[str, Frame]:
        if not self.folder.is_dir():
            return {}
        return {side: self.read_side(self.folder / f"{side}{self.suffix}") for side in SIDES}

    def save(self, data: dict[str, Frame]) -> None:
        if not data:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        with atomic_folder(self.folder) as partial:
            for side in SIDES:
                self.write_side(data[side].lazy(), partial / f"{side}{self.suffix}")

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
