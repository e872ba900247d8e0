r"""Tables as text: one line a record, columns separated by tabs, whatever the texts contain.

Tab, newline, carriage return and backslash are written `\t`, `\n`, `\r` and `\\`, and null is
`\N`, as in PostgreSQL's COPY and the linear TSV convention. Quotes mean nothing, fields have no
length limit, '' and null stay apart, and `wc -l`, `cut -f` and `grep` tell the truth.
Every column is read as text.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from app.durable.atomic import atomic_file
from app.errors import InputError

_RAW = ["\\", "\t", "\n", "\r"]
_ESCAPED = ["\\\\", "\\t", "\\n", "\\r"]
_NULL = "\\N"
_BATCH_ROWS = 10_000


class TsvDataset(AbstractDataset[pl.DataFrame | Iterable[pl.DataFrame], pl.DataFrame]):
    """A table of text columns; frames are written as they come, the whole file replaces."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pl.DataFrame:
        if not self.filepath.is_file():
            raise InputError(f"{self.filepath} does not exist; run the stage `prepare` first")
        table = pl.read_csv(
            self.filepath,
            separator="\t",
            quote_char=None,
            infer_schema=False,
            null_values=_NULL,
            empty_string_is_null=False,
        )
        unescaped = pl.all().str.replace_many(_ESCAPED, _RAW)
        return table.select(unescaped).rename(_unescape_name)

    def save(self, data: pl.DataFrame | Iterable[pl.DataFrame]) -> None:
        with atomic_file(self.filepath) as partial, partial.open("wb") as stream:
            for block in _blocks(data):
                stream.write(block)

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.filepath)}


def tsv_sha256(table: pl.DataFrame) -> str:
    """SHA-256 of the file a table is written to: what `sha256sum` prints for it."""
    digest = hashlib.sha256()
    for block in _blocks(table):
        digest.update(block)
    return digest.hexdigest()


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
