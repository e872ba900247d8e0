"""Baselines computed by hand."""

import polars as pl

from app.pipelines.ideo.baselines import (
    predict_by_length,
    predict_group_majority,
    predict_majority,
)

JOB = pl.DataFrame(
    {"group": ["ann", "bob", "unseen", None], "n_chars": [100, 900, 100, 900]},
    schema_overrides={"group": pl.String},
)


def training(rows: list[tuple[str, str | None, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["label", "group", "n_chars"], orient="row")


def test_majority_is_of_the_natural_proportions() -> None:
    """Balanced to parity by duplicates, but seven in ten were `right` before."""
    train = training([("left", "ann", 10)] * 7 + [("right", "bob", 20)] * 7)
    natural = {"left": 3, "right": 7}
    assert predict_majority(train, JOB, natural).to_list() == ["right"] * 4


def test_ties_go_to_the_label_that_sorts_first() -> None:
    train = training([("right", "ann", 10), ("left", "ann", 10)])
    assert predict_majority(train, JOB, {"left": 1, "right": 1}).to_list() == ["left"] * 4


def test_group_majority_knows_groups_and_falls_back() -> None:
    train = training(
        [("left", "ann", 10)] * 2
        + [("right", "ann", 10)]
        + [("right", "bob", 10)] * 4
        + [("left", None, 10)]
    )
    natural = {"left": 3, "right": 5}
    predicted = predict_group_majority(train, JOB, natural).to_list()
    assert predicted == ["left", "right", "right", "right"]  # ann, bob, unseen, without a group


def test_group_majority_weighs_labels_back() -> None:
    """ann said `left` 2 times in 3 after `left` was doubled: 1 in 2 before, and fewer documents
    of `right` remain than there were."""
    train = training([("left", "ann", 10)] * 2 + [("right", "ann", 10)])
    assert predict_group_majority(train, JOB, {"left": 1, "right": 3}).to_list()[0] == "right"


def test_length_only_separates_short_from_long() -> None:
    short = [("left", "x", length) for length in range(50, 150)]
    long = [("right", "x", length) for length in range(800, 900)]
    predicted = predict_by_length(training(short + long), JOB, {"left": 100, "right": 100})
    assert predicted.to_list() == ["left", "right", "left", "right"]


def test_length_only_on_few_documents_is_the_majority() -> None:
    train = training([("left", "x", 5), ("right", "x", 6), ("right", "x", 7)])
    assert predict_by_length(train, JOB, {"left": 1, "right": 2}).to_list() == ["right"] * 4
