"""The rows of train.tsv and job.tsv: labels and metadata, with the texts streamed beside them.

Columns: id, label, label_raw, modality, the source field, the other metadata, text. The training
side repeats a document for each of its copies, under the copy's id.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from app.config.ideo.dataset import Dataset
from app.datasets.documents import Documents

FIRST = ("id", "label", "label_raw", "modality")
# What `prepare` knows of a document beside its metadata; not columns of the TSV.
WORKING = (
    "n_chars",
    "n_tokens",
    "problem",
    "place",
    "unlabelled",
    "dropped",
    "text_group",
    "near_group",
    "side",
)


@dataclass(frozen=True)
class Rows:
    """Batches of rows, read anew at each iteration; the texts of one batch are in memory."""

    documents: Documents
    rows: pl.DataFrame  # at (place of the document), then the columns but text, in order

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """At least one batch, so that an empty table still has its columns."""
        yield self._with_text(self.rows.clear(), pl.Series("text", [], pl.String), 0)
        places = self.rows["at"]
        offset = 0
        for frame in self.documents.frames(["text"]):
            start = places.search_sorted(offset, "left")
            stop = places.search_sorted(offset + len(frame), "left")
            if stop > start:
                yield self._with_text(self.rows[start:stop], frame["text"], offset)
            offset += len(frame)

    def _with_text(self, rows: pl.DataFrame, texts: pl.Series, offset: int) -> pl.DataFrame:
        text = texts.gather(rows["at"] - offset)
        return rows.drop("at").with_columns(text=text)


def train_rows(
    documents: Documents, sides: pl.DataFrame, training: pl.DataFrame, dataset: Dataset
) -> Rows:
    """The training rows, balanced; the id of a copy is `<id>#dupN`."""
    train = _ordered(sides, "train", dataset)
    rows = training.select("id", "row").join(train, on="id", how="left", maintain_order="left")
    rows = rows.with_columns(id="row").drop("row")
    return Rows(documents, rows.select("at", pl.exclude("at")))


def job_rows(documents: Documents, sides: pl.DataFrame, dataset: Dataset) -> Rows:
    """The job rows, in the order of the documents."""
    return Rows(documents, _ordered(sides, "job", dataset))


def _ordered(sides: pl.DataFrame, side: str, dataset: Dataset) -> pl.DataFrame:
    first = [*FIRST, dataset.source_field]
    first = list(dict.fromkeys(name for name in first if name in sides.columns))
    others = [name for name in sides.columns if name not in (*first, *WORKING)]
    rows = sides.with_row_index("at").filter(pl.col("side") == side)
    return rows.select(pl.col("at").cast(pl.Int64), *first, *others)
