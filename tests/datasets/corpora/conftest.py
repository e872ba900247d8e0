"""Reading a corpus made for a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.datasets.corpora import CorporaDataset

Read = Callable[..., pl.DataFrame]


@pytest.fixture
def read() -> Read:
    """Reads one corpus, called `c`, into one frame."""

    def reading(
        path: Path,
        reader: dict[str, Any] | None = None,
        *,
        workers: int = 1,
        policy: str = "skip",
        tokenizer: str = "whitespace",
        **more: Any,
    ) -> pl.DataFrame:
        described = {"path": str(path), "language": "en", "modality": "text", **more}
        described["reader"] = reader or {"kind": "classic"}
        dataset = {"dataset_id": "d", "corpus_ids": ["c"], "on_bad_document": policy}
        loaded = CorporaDataset({"c": described}, dataset, tokenizer, workers).load()
        return pl.concat(loaded.frames())

    return reading
