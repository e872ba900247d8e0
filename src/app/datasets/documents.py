"""The table of documents: written as a stream, read back a few columns or a batch at a time.

A corpus may be larger than memory, so nobody holds the whole table with its texts: batches go to a
Parquet file as they are read, and come back as batches of row groups.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl
from kedro.io import AbstractDataset

from app.durable.atomic import atomic_file
from app.errors import InputError

BATCH_ROWS = 2_000  # of ~3 kB: some 6 MB of text at a time


class Documents:
    """A handle on the documents: batches with `frames`, whole columns with `frame`."""

    def __init__(self, path: Path | None, held: pl.DataFrame | None = None) -> None:
        self._path = path
        self._held = held

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """Documents held in memory."""
        return cls(None, frame)

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Batches of at most `BATCH_ROWS` documents, in order. Each call starts anew."""
        if self._path is None:
            yield from self._memory(columns).iter_slices(BATCH_ROWS)
            return
        import pyarrow.parquet as pq

        with pq.ParquetFile(self._path) as file:
            names = list(columns) if columns is not None else None
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=names):
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame.select(names) if names is not None else frame

    def frame(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """All documents, only these columns. Ask for `text` only when you need every text."""
        if self._path is None:
            return self._memory(columns)
        return pl.read_parquet(self._path, columns=list(columns) if columns is not None else None)

    def _memory(self, columns: Sequence[str] | None) -> pl.DataFrame:
        assert self._held is not None
        return self._held if columns is None else self._held.select(columns)


class DocumentsDataset(AbstractDataset[Any, Documents]):
    """Kedro dataset: a Parquet file (zstd), replaced only when the last batch is written.

    Args:
        filepath: the Parquet file.
    """

    def __init__(self, filepath: str) -> None:
        self.filepath = Path(filepath)

    def save(self, data: Iterable[pl.DataFrame] | pl.DataFrame) -> None:
        frames = iter([data] if isinstance(data, pl.DataFrame) else data)
        first = next(frames, None)
        if first is None:
            raise InputError(f"there are no documents to write to {self.filepath}")
        import pyarrow.parquet as pq

        head = first.to_arrow(compat_level=pl.CompatLevel.oldest())
        with (
            atomic_file(self.filepath) as partial,
            pq.ParquetWriter(partial, head.schema, compression="zstd") as writer,
        ):
            writer.write_table(head)
            del head, first
            for frame in frames:
                writer.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))

    def load(self) -> Documents:
        if not self.filepath.exists():
            raise InputError(f"{self.filepath} is absent; run the stage `prepare` first")
        return Documents(self.filepath)

    def _exists(self) -> bool:
        return self.filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.filepath)}
