import polars as pl
from hand_made import screened

from app.pipelines.ideo.leakage import leakage


def test_what_is_on_both_sides_is_counted() -> None:
    table = screened(
        {"l": 4, "r": 4},
        speaker=["a", "a", "b", "c", "a", None, None, "d"],
        street=["x"] * 8,
    ).with_columns(
        side=pl.Series(["train", "job", "job", "train", "job", "job", "train", None]),
        text_group=pl.Series([0, 0, 1, None, 1, None, None, 0], dtype=pl.UInt32),
    )
    found = leakage(table, near_looked_for=True, group_field="street")
    assert found["same_text"] == {
        "groups_on_both_sides": 1, "job_docs": 1, "job_share": 0.25, "docs_without_group": 0
    }  # fmt: skip
    assert found["near_duplicates"]["job_docs"] == 0
    assert sorted(found["groups"]) == ["speaker", "street"]
    assert found["groups"]["speaker"] == {
        "groups_on_both_sides": 1, "job_docs": 2, "job_share": 0.5, "docs_without_group": 2
    }  # fmt: skip
    assert found["groups"]["street"]["job_share"] == 1.0


def test_near_duplicates_not_looked_for_are_not_said_to_be_none() -> None:
    table = screened({"l": 1, "r": 1}).with_columns(side=pl.Series(["train", "job"]))
    assert leakage(table, near_looked_for=False, group_field=None)["near_duplicates"] is None
