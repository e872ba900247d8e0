"""Batches as data frames: ids made whole and checked to be unique, bad documents by policy."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.datasets.corpora.rows import Batch, Value, column_names
from app.errors import InputError

COUNTS = ("n_chars", "n_tokens")


class SeenIds:
    """Which ids have been seen, as sorted 64-bit hashes: 8 bytes a document.

    With ten million documents two different ids share a hash once in 370,000 corpora; the second
    would then be reported as a duplicate.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []  # sorted, each more than twice the next

    def add(self, ids: pl.Series) -> NDArray[np.bool_]:
        """Which of these ids were seen before, in an earlier batch or earlier in this one."""
        hashes = ids.hash(seed=0).to_numpy()
        _, first = np.unique(hashes, return_index=True)
        again = np.ones(len(hashes), dtype=bool)
        again[first] = False
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            again |= run[at] == hashes
        self._keep(np.sort(hashes[~again]))
        return again

    def _keep(self, run: NDArray[np.uint64]) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")  # in place: of a large corpus these are megabytes
        self._runs.append(run)


class Frames:
    """Makes the frames of one corpus.

    Args:
        corpus_id: prefix of its ids.
        fields: the corpus's metadata fields, in the order of its batches.
        columns: all string columns of the dataset; those the corpus has not are null.
    """

    def __init__(
        self,
        corpus_id: str,
        fields: Sequence[str],
        columns: Sequence[str],
        on_bad_document: Literal["fail", "skip"],
    ) -> None:
        self._corpus_id, self._columns, self._policy = corpus_id, columns, on_bad_document
        self._names = column_names(fields)
        self._seen = SeenIds()
        self._count = 0
        self.readable = 0
        self.first_problem: str | None = None

    def frame(self, batch: Batch) -> pl.DataFrame:
        """The batch as documents. Raises InputError for a bad document under policy `fail`."""
        column: dict[str, list[Value]] = {
            name: list(values) for name, values in zip(self._names, batch.columns, strict=True)
        }
        ids = [
            f"{self._corpus_id}:{number if own is None else own}"
            for number, own in enumerate(column["id"], start=self._count + 1)
        ]
        texts = batch.texts
        again = self._seen.add(pl.Series("id", ids, dtype=pl.String))
        for row in map(int, np.flatnonzero(again)):
            ids[row] = f"{ids[row]}#duplicate{self._count + row + 1}"
            if column["problem"][row] in (None, "no text"):
                column["problem"][row] = "duplicate id"
            texts[row], column["n_chars"][row], column["n_tokens"][row] = b"", 0, 0
        self._count += len(ids)
        column["id"] = list(ids)
        self._judge(column)
        places = zip(column["place"], column["problem"], strict=True)
        column["place"] = [place if problem is not None else None for place, problem in places]
        return self._assembled(column, texts)

    def _judge(self, column: dict[str, list[Value]]) -> None:
        problems = column["problem"]
        bad = [row for row, problem in enumerate(problems) if problem not in (None, "no text")]
        self.readable += len(problems) - len(bad)
        if not bad or self.first_problem is not None:
            return
        row = bad[0]
        self.first_problem = f"{column['place'][row]}: {problems[row]} (id {column['id'][row]})"
        if self._policy == "fail":
            raise InputError(
                f"corpus {self._corpus_id}, {self.first_problem}; mend the document, or leave such "
                "documents out with dataset.on_bad_document=skip"
            )

    def _assembled(self, column: dict[str, list[Value]], texts: list[bytes]) -> pl.DataFrame:
        height = len(column["id"])
        series = [
            pl.Series("id", column["id"], dtype=pl.String),
            pl.Series("corpus_id", [self._corpus_id] * height, dtype=pl.String),
        ]
        for name in self._columns:
            if name in column:
                series.append(pl.Series(name, column[name], dtype=pl.String))
            else:
                series.append(pl.Series(name, [None] * height, dtype=pl.String))
        series += [pl.Series(name, column[name], dtype=pl.UInt32) for name in COUNTS]
        series += [
            pl.Series("text", texts, dtype=pl.Binary).cast(pl.String),
            pl.Series("problem", column["problem"], dtype=pl.String),
            pl.Series("place", column["place"], dtype=pl.String),
        ]
        return pl.DataFrame(series)
