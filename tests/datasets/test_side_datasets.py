"""Formats and models on disk: whole or absent, and `{}` where a family is not configured."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.datasets.docbin import DocBinDataset, DocSide
from app.datasets.jsonl import JsonlPairDataset
from app.datasets.models import ModelsDataset, TrainedModel
from app.datasets.predictions import PredictionsDataset
from app.datasets.table_pair import TablePairDataset

TABLE = pl.DataFrame({"id": ["a:1", "a:2"], "label": ["l", "r"], "text": ["é\t\n", "b"]})
PAIR = {"train": TABLE, "job": TABLE.reverse()}


def broken() -> Any:
    raise RuntimeError("the power went")


def model(name: str, content: str) -> dict[str, TrainedModel]:
    def write(folder: Path) -> None:
        (folder / "weights").write_text(content)
        if content == "broken":
            broken()

    return {name: TrainedModel(name, "check", {"family": "check", "seed": 0}, write)}


@pytest.mark.parametrize("kind", [TablePairDataset, JsonlPairDataset])
def test_a_pair_comes_back_and_goes_when_not_configured(tmp_path: Path, kind: Any) -> None:
    dataset = kind(str(tmp_path / "pair"))
    assert dataset.load() == {}
    dataset.save(PAIR)
    loaded = dataset.load()
    assert {side: table.collect().rows() for side, table in loaded.items()} == {
        side: table.rows() for side, table in PAIR.items()
    }
    dataset.save({})
    assert dataset.load() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [TablePairDataset, JsonlPairDataset])
def test_an_empty_side_stays_empty(tmp_path: Path, kind: Any) -> None:
    dataset = kind(str(tmp_path / "pair"))
    dataset.save({"train": TABLE, "job": TABLE.clear()})
    assert dataset.load()["job"].collect().height == 0


def test_shards_that_fail_half_way_leave_the_earlier_ones(tmp_path: Path) -> None:
    from spacy.tokens import DocBin

    dataset = DocBinDataset(str(tmp_path / "spacy"))
    assert dataset.load() == {}
    rows = TABLE.drop("text")
    whole = DocSide(rows, [DocBin, DocBin])
    dataset.save({"train": whole, "job": whole})
    with pytest.raises(Exception, match="the power went"):
        dataset.save({"train": whole, "job": DocSide(rows.clear(), [DocBin, broken])})
    assert [len(side.shards) for side in dataset.load().values()] == [2, 2]
    assert dataset.load()["job"].rows.equals(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["spacy"]
    dataset.save({})
    assert dataset.load() == {}


def test_a_model_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    dataset = ModelsDataset(str(tmp_path))
    assert dataset.load() == {}
    dataset.save(model("one", "old"))
    with pytest.raises(Exception, match="the power went"):
        dataset.save(model("one", "broken"))
    dataset.save(model("two", "new"))
    loaded = dataset.load()
    assert list(loaded) == ["one", "two"]
    assert (loaded["one"].path / "weights").read_text() == "old"
    assert loaded["one"].card == {"family": "check", "seed": 0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_predictions_keep_dots_in_model_names(tmp_path: Path) -> None:
    dataset = PredictionsDataset(str(tmp_path / "check"))
    dataset.save({"v1.2": TABLE})
    assert dataset.load()["v1.2"].equals(TABLE)
