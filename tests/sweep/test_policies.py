"""Which runs are taken out after one ran out of memory, or was of low quality."""

from typing import Any

import pytest

from app.config.scheduler import Scheduler
from app.config.superior import EarlyStop
from app.sweep.ledger import RunState
from app.sweep.policies import after_low_quality, after_oom, quality_flags

SCORES = {"nb": {"accuracy": 0.4, "macro_f1": 0.6}, "lr": {"accuracy": 0.9, "macro_f1": 0.5}}
FAMILIES = {"nb": "sklearn", "lr": "sklearn"}


def grid() -> list[RunState]:
    return [
        RunState(
            run_id=f"{x}{y}_r{repeat}", position=0, key=f"{x}{y}", repeat=repeat, seed=None,
            overrides=[], axes={"x": str(x), "y": str(y)}, kind="k", resource="light", families=[],
        )
        for repeat in (0, 1) for x in (1, 2) for y in (1, 2)
    ]  # fmt: skip


def taken(skips: Any) -> set[str]:
    return {skip.run_id for skip in skips}


@pytest.mark.parametrize(
    ("rule", "flags"),
    [
        ({}, []),
        ({"min_accuracy": 0.5}, ["nb: low_accuracy"]),
        (
            {"min_accuracy": 0.95, "min_macro_f1": 0.55},
            ["lr: low_accuracy", "lr: low_macro_f1", "nb: low_accuracy"],
        ),
        ({"min_accuracy": 0.5, "families": ["spacy"]}, []),
        ({"min_accuracy": 0.4}, []),  # the least is enough
    ],
)
def test_flags_name_model_and_score(rule: dict[str, Any], flags: list[str]) -> None:
    assert quality_flags(SCORES, FAMILIES, EarlyStop.model_validate(rule)) == flags


def test_models_without_scores_or_family_are_not_judged() -> None:
    rule = EarlyStop(min_accuracy=0.5)
    assert quality_flags({"a": {}, "b": {"accuracy": 0.1}}, {"a": "sklearn"}, rule) == []


@pytest.mark.parametrize(
    ("action", "axis", "out"),
    [
        ("flag", None, set()),
        ("skip_repeats", None, {"11_r1"}),
        ("prune", "x", {"12_r0", "11_r1", "12_r1"}),
        ("prune", "y", {"21_r0", "11_r1", "21_r1"}),
        ("prune", "absent", set()),
    ],
)
def test_a_flagged_run_takes_out_what_the_action_names(
    action: str, axis: str | None, out: set[str]
) -> None:
    runs = grid()
    runs[0].status, runs[0].quality_flags = "ok", ["nb: low_accuracy"]
    rule = EarlyStop.model_validate({"action": action, "axis": axis})
    assert taken(after_low_quality(runs[0], runs, rule)) == out
    for other in runs[1:]:
        other.status = "running"  # what has begun goes on
    assert taken(after_low_quality(runs[0], runs, rule)) == set()


def test_a_run_without_flags_takes_nothing_out() -> None:
    runs = grid()
    rule = EarlyStop(action="prune", axis="x")
    assert taken(after_low_quality(runs[0], runs, rule)) == set()


@pytest.mark.parametrize(("policy", "out"), [("skip", {"11_r1"}), ("backoff", {"11_r1"})])
def test_an_oom_takes_out_the_repeats(policy: str, out: set[str]) -> None:
    runs = grid()
    runs[0].status = "oom"
    scheduler = Scheduler.model_validate({"oom_policy": policy})
    assert taken(after_oom(runs[0], runs, scheduler)) == out


def test_an_oom_stops_the_sweep_where_the_policy_says_so() -> None:
    runs = grid()
    runs[0].status, runs[1].status, runs[2].status = "oom", "ok", "interrupted"
    skips = list(after_oom(runs[0], runs, Scheduler(oom_policy="stop")))
    assert taken(skips) == {run.run_id for run in runs[2:]}
    assert {skip.status for skip in skips} == {"aborted_oom_policy"}
