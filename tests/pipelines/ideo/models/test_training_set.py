import polars as pl
import pytest
from small_study import IDENTITY, documents

from app.config.ideo.models import CheckModel
from app.errors import ConfigError, InputError, LabelError
from app.pipelines.ideo.models.training_set import TrainingSet, balanced_weights, stratified_sample


def given(rows: pl.DataFrame, cap: int = 1000, **weights: float) -> TrainingSet:
    return TrainingSet.capped(
        rows,
        cap,
        "hardware.max_train_docs_sklearn",
        balance_weights=weights,
        seed=3,
        threads=1,
        identity=IDENTITY,
    )


def test_a_cap_is_a_seeded_stratified_sample_in_order(caplog: pytest.LogCaptureFixture) -> None:
    rows = documents(200, 0, "d")  # 50 left, 150 right
    capped = given(rows, cap=40)
    assert dict(capped.rows["label"].value_counts().iter_rows()) == {"left": 10, "right": 30}
    assert capped.capped_from == 200
    assert "40 of 200" in caplog.text
    places = [int(name.removeprefix("web1:d")) for name in capped.rows["id"]]
    assert places == sorted(places)
    assert stratified_sample(rows, 40, "k", 3).equals(capped.rows)
    assert not stratified_sample(rows, 40, "k", 4).equals(capped.rows)


def test_under_the_cap_nothing_is_left_out() -> None:
    rows = documents(20, 0, "d")
    whole = given(rows, cap=20)
    assert whole.rows.equals(rows)
    assert whole.capped_from is None


def test_every_label_keeps_a_document() -> None:
    rare = pl.DataFrame({"id": ["r"], "label": ["rare"]})
    rows = pl.concat([documents(100, 0, "d").select("id", "label"), rare])
    kept = stratified_sample(rows, 4, "k", 0)
    assert kept.height == 4
    assert kept["label"].n_unique() == 3
    with pytest.raises(ConfigError, match=r"hardware\.max_train_docs_hf=2"):
        stratified_sample(rows, 2, "hardware.max_train_docs_hf", 0)


def test_one_label_cannot_be_learned() -> None:
    with pytest.raises(LabelError, match="right"):
        given(documents(8, 0, "d").filter(pl.col("label") == "right"))


def test_class_weights() -> None:
    rows = documents(200, 0, "d")
    assert balanced_weights(rows["label"]) == {"left": 2.0, "right": pytest.approx(2 / 3)}
    assert given(rows).class_weights("none") is None
    told = given(rows, left=3.0, right=0.5)
    assert told.class_weights("from_balance") == {"left": 3.0, "right": 0.5}
    with pytest.raises(InputError, match="left"):
        given(rows, right=0.5).class_weights("from_balance")


def test_a_card_holds_no_time_of_day() -> None:
    rows = documents(20, 0, "d")
    card = given(rows).card("m", CheckModel(family="check"), ["numpy"], best_step=3)
    assert card == given(rows).card("m", CheckModel(family="check"), ["numpy"], best_step=3)
    assert card["best_step"] == 3
    assert card["n_train_docs"] == 20
    assert set(card["packages"]) == {"numpy"}
