"""The train and job sides as JSON lines, the form Hugging Face `datasets` reads."""

import json
from pathlib import Path

import polars as pl

from app.datasets.sides import SidesDataset


class JsonlPairDataset(SidesDataset):
    """<folder>/{train,job}.jsonl: one object a document; every value is a string or null."""

    suffix = ".jsonl"

    def read_side(self, file: Path) -> pl.LazyFrame:
        with file.open(encoding="utf-8") as lines:
            first = lines.readline()
        columns = json.loads(first) if first else {}
        # The type is told, not inferred: a column of nulls or of digits is text all the same.
        return pl.scan_ndjson(file, schema={name: pl.String() for name in columns})

    def write_side(self, table: pl.LazyFrame, file: Path) -> None:
        table.sink_ndjson(file)
