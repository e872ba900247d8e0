"""Corpora made for a test, and reading them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.datasets.corpora import CorporaDataset

Read = Callable[..., pl.DataFrame]
TEI_NS = "http://www.tei-c.org/ns/1.0"


def document(name: str, body: str = "<p>one two</p>", terms: str = "", attributes: str = "") -> str:
    """A <TEI> of the classic form."""
    return (
        f'<TEI xml:id="{name}"{attributes}><teiHeader><profileDesc><langUsage><language ident="fr"/>'
        f"</langUsage><textClass><keywords>{terms}</keywords></textClass></profileDesc></teiHeader>"
        f"<text><body><div>{body}</div></body></text></TEI>\n"
    )


def corpus(*documents: str, namespace: str = TEI_NS) -> str:
    """A <teiCorpus> of documents."""
    declared = f' xmlns="{namespace}"' if namespace else ""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<teiCorpus{declared}>\n{''.join(documents)}</teiCorpus>\n"


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
