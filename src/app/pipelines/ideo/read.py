"""Reading the corpora into the table of documents."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from app.datasets.corpora import Corpora


@dataclass(frozen=True)
class Batches:
    """The documents of the corpora, read as they are iterated over.

    Not an iterator: Kedro would save each batch of one by itself, one replacing the other.
    """

    corpora: Corpora

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return self.corpora.frames()


def read_corpora(corpora: Corpora) -> Batches:
    """The documents, in batches; the table is written while they are read."""
    return Batches(corpora)
