"""spaCy's own binary form of tokenised documents (`DocBin`), in shards that are read one by one.

A side is a table of its documents, without their text, and shards that hold them in the order of
that table: <folder>/{train,job}.parquet and <folder>/{train,job}-00000.spacy, -00001.spacy, ...
Memory holds one shard at a time, written or read. spaCy is imported when a shard is read.
See https://spacy.io/api/docbin
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from kedro.io import AbstractDataset

from app.datasets.sides import SIDES
from app.durable.atomic import atomic_folder

if TYPE_CHECKING:
    from spacy.tokens import DocBin


@dataclass(frozen=True)
class DocSide:
    """The documents of one side: `rows` (id, label, metadata) and, in the same order, shards,
    each made or read when it is called."""

    rows: pl.DataFrame
    shards: Sequence[Callable[[], "DocBin"]]


class DocBinDataset(AbstractDataset[dict[str, DocSide], dict[str, DocSide]]):
    """`{"train": DocSide, "job": DocSide}`, or `{}` and no folder when no model asks for it."""

    replaces_folder = True  # nothing else lives in it

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    def load(self) -> dict[str, DocSide]:
        if not self.folder.is_dir():
            return {}
        return {side: self._read_side(side) for side in SIDES}

    def save(self, data: dict[str, DocSide]) -> None:
        if not data:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        with atomic_folder(self.folder) as folder:
            for side in SIDES:
                data[side].rows.write_parquet(folder / f"{side}.parquet", compression="zstd")
                for number, shard in enumerate(data[side].shards):
                    shard().to_disk(folder / f"{side}-{number:05d}.spacy")

    def _read_side(self, side: str) -> DocSide:
        rows = pl.read_parquet(self.folder / f"{side}.parquet")
        files = sorted(self.folder.glob(f"{side}-*.spacy"))
        return DocSide(rows, [partial(_read_shard, file) for file in files])

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}


def _read_shard(file: Path) -> "DocBin":
    from spacy.tokens import DocBin

    return DocBin().from_disk(file)
