"""The shipped corpora on the real files: counts that their sources publish."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from app.datasets.corpora import Corpora, CorporaDataset

CONF = Path(__file__).parents[3] / "conf" / "corpora"


def shipped(name: str, shared_data: Path, workers: int = 1) -> Corpora:
    text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    described: dict[str, Any] = yaml.safe_load(text.replace("${data_root}", str(shared_data)))
    dataset = {"dataset_id": name, "corpus_ids": [name], "on_bad_document": "fail"}
    return CorporaDataset(described, dataset, "whitespace", workers).load()


def counts(frame: pl.DataFrame, column: str) -> dict[str | None, int]:
    return dict(frame[column].value_counts().rows())


def test_french_debates(shared_data: Path) -> None:
    frame = pl.concat(shipped("fr_mariagepourtous", shared_data).frames())
    assert frame["problem"].null_count() == len(frame)
    assert frame["sitting"].n_unique() == 20
    task = frame.filter(pl.col("wing").is_not_null(), pl.col("n_tokens") >= 10)
    assert len(task) == 5544
    assert task["speaker"].n_unique() == 266
    assert counts(task, "wing") == {"left": 1861, "right": 3683}


def test_austrian_parliament(shared_data: Path) -> None:
    frame = pl.concat(shipped("at_parlamint", shared_data).frames())
    assert len(frame) == 1684
    assert frame["sitting"].n_unique() == 14
    expected = {"CRR": 457, "CL": 385, "RRF": 284, "CLL": 201, "C": 175, None: 182}
    assert counts(frame, "orientation") == expected
    assert set(frame["party"]) > {"SPÖ", "ÖVP", "FPÖ", "NEOS", "GRÜNE"}
    in_group = frame.filter(pl.col("party").is_not_null())
    assert in_group["status"].null_count() == 0
    assert not frame["text"].str.contains("Beifall bei der ÖVP").any()


def test_spanish_parliament(shared_data: Path) -> None:
    frame = pl.concat(shipped("es_parlamint", shared_data).frames())
    assert len(frame) == 1582
    assert frame["sitting"].n_unique() == 25
    assert frame["orientation"].null_count() == 1582
    assert frame["speaker"].null_count() == 0
    assert counts(frame, "status") == {"opposition": 1118, "coalition": 426, None: 38}
    assert {party: n for party, n in counts(frame, "party").items() if n > 250} == {
        "PSOE": 274,
        "PP": 256,
    }


def test_r8(shared_data: Path) -> None:
    frame = pl.concat(shipped("r8", shared_data).frames())
    assert counts(frame, "split") == {"train": 5485, "test": 2189}
    assert frame["label"].n_unique() == 8


@pytest.mark.parametrize("name", ["fr_mariagepourtous", "at_parlamint"])
def test_workers_change_nothing(shared_data: Path, name: str) -> None:
    one, two = (pl.concat(shipped(name, shared_data, n).frames()) for n in (1, 2))
    assert one.equals(two)


def test_sources_name_every_file_and_its_content(shared_data: Path) -> None:
    sources = shipped("at_parlamint", shared_data).sources()
    assert len(sources) == 14 + 3
    digest, size = sources["at_parlamint:listorg.xml"].split()
    assert len(digest) == 32
    assert int(size) == (shared_data / "tei" / "at_parlamint" / "listorg.xml").stat().st_size
