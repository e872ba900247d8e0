r"""Tables as text: one line a record, columns separated by tabs, whatever the texts contain.

Tab, newline, carriage return and backslash are written `\t`, `\n`, `\r` and `\\`, and null is
`\N`, as in PostgreSQL's COPY and the linear TSV convention. Quotes mean nothing, fields have no
length limit, '' and null stay apart, and `wc -l`, `cut -f` and `grep` tell the truth.
Every column is read as text.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset
from polars.io.plugins import register_io_source

from app.durable.atomic import atomic_file
from app.errors import InputError

_RAW = ["\\", "\t", "\n", "\r"]
_ESCAPED = ["\\\\", "\\t", "\\n", "\\r"]
_NULL = "\\N"
_BATCH_ROWS = 10_000
_BATCH_BYTES = 2_000_000


class TsvDataset(AbstractDataset[pl.DataFrame | Iterable[pl.DataFrame], pl.LazyFrame]):
    """A table of text columns; frames are written as they come, the whole file replaces. It is
    loaded lazily: who collects a few columns never holds the texts."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pl.LazyFrame:
        if not self.filepath.is_file():
            raise InputError(f"{self.filepath} does not exist; run the stage `prepare` first")
        return _scan(self.filepath)

    def save(self, data: pl.DataFrame | Iterable[pl.DataFrame]) -> None:
        with atomic_file(self.filepath) as partial, partial.open("wb") as stream:
            for block in _blocks(data):
                stream.write(block)

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.filepath)}


def tsv_sha256(table: pl.DataFrame | pl.LazyFrame) -> str:
    """SHA-256 of the file a table is written to: what `sha256sum` prints for it."""
    digest = hashlib.sha256()
    frames = (
        table.collect_batches(maintain_order=True) if isinstance(table, pl.LazyFrame) else [table]
    )
    empty = table.lazy().collect_schema().to_frame()
    for block in _blocks(itertools.chain([empty], frames)):
        digest.update(block)
    return digest.hexdigest()


def _scan(path: Path) -> pl.LazyFrame:
    """The file, read some lines at a time, of which only the columns asked for are unescaped."""
    with path.open("rb") as file:
        header = file.readline().decode().removesuffix("\n")
    schema = {_unescape_name(name): pl.String() for name in header.split("\t")}

    def frames(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        with path.open("rb") as file:
            file.readline()
            lines = file.readlines(_BATCH_BYTES)
            while True:
                frame = _parsed(b"".join(lines), schema, columns)
                if predicate is not None:
                    frame = frame.filter(predicate)
                yield frame if n_rows is None else frame.head(n_rows)
                n_rows = None if n_rows is None else max(n_rows - frame.height, 0)
                lines = file.readlines(_BATCH_BYTES)
                if not lines or n_rows == 0:
                    return

    return register_io_source(frames, schema=schema)


def _parsed(
    lines: bytes, schema: Mapping[str, pl.DataType], columns: list[str] | None
) -> pl.DataFrame:
    if not lines:
        return pl.DataFrame(schema=schema).select(columns if columns is not None else pl.all())
    table = pl.read_csv(
        lines,
        has_header=False,
        schema=schema,
        separator="\t",
        quote_char=None,
        null_values=_NULL,
        empty_string_is_null=False,
    )
    chosen = table.select(columns) if columns is not None else table
    return chosen.select(pl.all().str.replace_many(_ESCAPED, _RAW))


def _blocks(data: pl.DataFrame | Iterable[pl.DataFrame]) -> Iterator[bytes]:
    """The file's bytes: the header, then the records in blocks."""
    columns: list[str] | None = None
    for frame in [data] if isinstance(data, pl.DataFrame) else data:
        if columns is None:
            columns = frame.columns
            yield ("\t".join(map(_escape_name, columns)) + "\n").encode()
        if frame.columns != columns:
            raise ValueError(f"columns change from {columns} to {frame.columns}")
        for rows in frame.iter_slices(_BATCH_ROWS):
            yield _records(rows)


def _records(rows: pl.DataFrame) -> bytes:
    escaped = pl.all().cast(pl.String).str.replace_many(_RAW, _ESCAPED).fill_null(_NULL)
    lines = rows.select(pl.concat_str(escaped, separator="\t").alias("line"))["line"]
    return b"".join(line.encode() + b"\n" for line in lines)


def _escape_name(name: str) -> str:
    for raw, escaped in zip(_RAW, _ESCAPED, strict=True):
        name = name.replace(raw, escaped)
    return name


def _unescape_name(name: str) -> str:
    return str(pl.Series([name]).str.replace_many(_ESCAPED, _RAW)[0])
