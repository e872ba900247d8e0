"""Small tables of documents for tests, written by hand or by counting."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from app.config.ideo.dataset import Dataset
from app.config.ideo.split import Split
from app.datasets.documents import Documents

ONE = Dataset(dataset_id="w", corpus_ids=["w"])
TWO = Dataset(dataset_id="two", corpus_ids=["a", "b"], merge_mode="merged")
BESIDE = Dataset(dataset_id="two", corpus_ids=["a", "b"], merge_mode="juxtaposed")
ACROSS = Dataset(dataset_id="a", corpus_ids=["a"], eval_dataset_id="b")
STRATIFIED = Split(strategy="stratified")


def documents(rows: Sequence[Mapping[str, Any]]) -> Documents:
    """Documents with these fields; the rest is filled in. `text` has a default of 30 words."""
    filled = []
    for number, row in enumerate(rows):
        text = row.get("text", " ".join(f"w{number}x{word}" for word in range(30)))
        defaults = {
            "id": f"{row.get('corpus_id', 'w')}:d{number}",
            "corpus_id": "w",
            "language": "fr",
            "modality": "web",
            "n_chars": len(text),
            "n_tokens": len(text.split()),
            "text": text,
            "problem": None,
            "place": None,
        }
        filled.append(defaults | dict(row))
    kinds = {"n_chars": pl.UInt32, "n_tokens": pl.UInt32}
    schema = {name: kinds.get(name, pl.String) for row in filled for name in row}
    return Documents.of(pl.DataFrame(filled, schema=schema))


def screened(labels: Mapping[str, int], **fields: Sequence[str | None]) -> pl.DataFrame:
    """Kept documents: so many of each label, one label after the other."""
    names = [label for label, n in labels.items() for _ in range(n)]
    corpus = fields.pop("corpus_id", ["w"] * len(names))
    empty = [None] * len(names)
    return pl.DataFrame(
        {
            "id": [f"{corpus[i]}:d{i}" for i in range(len(names))],
            "corpus_id": corpus,
            "label": names,
            "n_tokens": pl.Series([10] * len(names), dtype=pl.UInt32),
            "dropped": pl.Series(empty, dtype=pl.String),
            "text_group": pl.Series(empty, dtype=pl.UInt32),
            "near_group": pl.Series(empty, dtype=pl.UInt32),
            **{name: pl.Series(values, dtype=pl.String) for name, values in fields.items()},
        }
    )


def on_train(labels: Mapping[str, int], **fields: Sequence[str | None]) -> pl.DataFrame:
    """The same, all on the training side."""
    return screened(labels, **fields).with_columns(side=pl.lit("train"))


def counts(table: pl.DataFrame, *columns: str) -> dict[Any, int]:
    """Rows by the values of columns; of one column, by its value."""
    found = table.group_by(*columns).len().sort(*columns).rows()
    return {row[0] if len(columns) == 1 else row[:-1]: row[-1] for row in found}
