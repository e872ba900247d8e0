import polars as pl
import pytest
from hand_made import ONE, documents

from app.datasets import documents as documents_module
from app.datasets.documents import Documents
from app.pipelines.ideo.rows import job_rows, train_rows

DATASET = ONE.model_copy(update={"source_field": "crawl"})


def prepared(texts: list[str]) -> tuple[Documents, pl.DataFrame]:
    rows = [
        {"text": text, "crawl": f"c{n % 2}", "published": "2013"} for n, text in enumerate(texts)
    ]
    docs = documents(rows)
    sides = (
        docs.frame()
        .drop("text")
        .with_columns(
            label=pl.lit("left"),
            label_raw=pl.lit("Left"),
            dropped=pl.lit(None, pl.String),
            side=pl.Series(["train", "job", None, "train"][n % 4] for n in range(len(texts))),
        )
    )
    return docs, sides


def training(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["id", "row"], orient="row")


def test_columns_and_copies() -> None:
    docs, sides = prepared(["un", "deux", "trois", "quatre"])
    rows = training(("w:d0", "w:d0"), ("w:d0", "w:d0#dup1"), ("w:d3", "w:d3"))
    train = pl.concat(train_rows(docs, sides, rows, DATASET))
    assert train.columns == [
        "id", "label", "label_raw", "modality", "crawl", "corpus_id", "language", "published",
        "text",
    ]  # fmt: skip
    assert train["id"].to_list() == ["w:d0", "w:d0#dup1", "w:d3"]
    assert train["text"].to_list() == ["un", "un", "quatre"]
    assert train["crawl"].to_list() == ["c0", "c0", "c1"]
    job = pl.concat(job_rows(docs, sides, DATASET))
    assert job.columns == train.columns
    assert job.select("id", "text").rows() == [("w:d1", "deux")]


def test_texts_follow_their_rows_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_module, "BATCH_ROWS", 3)
    docs, sides = prepared([f"texte {n}" for n in range(50)])
    job = job_rows(docs, sides, DATASET)
    for _ in range(2):  # read anew each time
        frames = list(job)
        assert max(map(len, frames)) <= 3
        table = pl.concat(frames)
        assert table["text"].to_list() == [f"texte {n}" for n in range(50) if n % 4 == 1]


def test_an_empty_side_has_its_columns() -> None:
    docs, sides = prepared(["un"])
    frames = list(job_rows(docs, sides, DATASET))
    assert len(frames) == 1
    assert frames[0].columns[-1] == "text"
