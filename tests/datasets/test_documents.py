"""The documents table: streamed to Parquet, read back in batches or by columns."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from app.datasets.documents import BATCH_ROWS, Documents, DocumentsDataset
from app.errors import InputError


def numbered(start: int, count: int) -> pl.DataFrame:
    ids = [f"c:{number}" for number in range(start, start + count)]
    lengths = pl.Series("n_chars", [1] * count, dtype=pl.UInt32)
    party = pl.Series("party", [None] * count, dtype=pl.String)
    return pl.DataFrame(
        [pl.Series("id", ids), party, lengths, pl.Series("text", ["é\n\t"] * count)]
    )


def test_batches_written_one_by_one_come_back_whole(tmp_path: Path) -> None:
    dataset = DocumentsDataset(str(tmp_path / "a" / "documents.parquet"))
    dataset.save(numbered(start, 700) for start in range(0, 7000, 700))
    documents = dataset.load()
    assert documents.frame().equals(numbered(0, 7000))
    assert documents.frame(["id"]).columns == ["id"]
    batches = list(documents.frames(["text", "id"]))
    assert max(map(len, batches)) <= BATCH_ROWS
    assert pl.concat(batches).equals(numbered(0, 7000).select("text", "id"))
    assert sum(map(len, documents.frames())) == sum(map(len, documents.frames())) == 7000


def test_documents_in_memory_behave_alike() -> None:
    documents = Documents.of(numbered(0, 3000))
    assert [len(batch) for batch in documents.frames(["id"])] == [2000, 1000]
    assert documents.frame(["party"])["party"].null_count() == 3000


def test_a_reader_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    dataset = DocumentsDataset(str(tmp_path / "documents.parquet"))
    dataset.save(numbered(0, 3))

    def failing() -> Iterator[pl.DataFrame]:
        yield numbered(0, 1)
        raise InputError("bad corpus")

    with pytest.raises(Exception, match="bad corpus"):
        dataset.save(failing())
    assert len(dataset.load().frame()) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["documents.parquet"]


def test_an_absent_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="run the stage `prepare` first"):
        DocumentsDataset(str(tmp_path / "none.parquet")).load()
