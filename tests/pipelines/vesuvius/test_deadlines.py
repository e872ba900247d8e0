"""Runs with a budget that is over before the training: a valid submission in time, and the same
command goes on with another budget. Some stall in the middle of an iteration."""

from pathlib import Path
from random import Random

import pytest
from study_runs import Runs, events, folder_of, handed_in, read_json

from app.durable.status import read_status
from app.pipelines.vesuvius.submission import validate_submission

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("vesuvius_runs")]

ENDLESS = [  # never stagnates
    "training.stopping.epochs=0",
    "training.stopping.patience=1000000",
    "training.stopping.stationary=0.0",
    "training.stopping.min_gain=0.0",
]
SHAPE = (24, 48, 48)
BUDGETS = [  # seconds, whether it stalls, and the least share of it that is used: of seconds less
    # than of hours is left beside what is kept for distillation, masks and files
    *((3.0, False, 0.7), (3.5, True, 0.7), (4.0, False, 0.7), (4.5, True, 0.7)),
    *((5.0, True, 0.75), (8.0, False, 0.95)),
]
NO_TIME = "DISTILLATION_NOT_EXECUTED_HARD_FAIL"  # of seconds, on a busy machine: and it is said


@pytest.mark.parametrize(("total", "stalls", "used"), BUDGETS)
def test_a_budget_is_kept_and_used(
    runs: Runs, tmp_path: Path, total: float, stalls: bool, used: float
) -> None:
    random = Random(int(10 * total))
    more = [f"budget.total={total}s", *(["distillation=none"] if used > 0.9 else [])]
    stall = {"stalls": {str(random.randint(1, 300)): random.choice([0.5, total])}} if stalls else {}
    ended = runs(tmp_path, *ENDLESS, *more, **stall)
    assert ended.code == 0 or NO_TIME in ended.said, ended.said
    folder = folder_of(tmp_path)
    validate_submission(folder / "submission.zip", {"scroll4.tif": SHAPE})
    (end,) = events(tmp_path, "EXEC_COMPLETE")
    assert end["cause"] == "deadline" or ended.code != 0
    status = read_status(folder / "status.json")
    cut = [end["phase"] for end in events(tmp_path, "PHASE_END") if end["cut"]]
    assert status.state == ("deadline" if ended.code == 0 else "failed")
    assert status.percent == 100.0 or cut != ["train_fit"]
    assert end["spent_s"] <= total + max(0.01 * total, 0.25)
    assert end["spent_s"] >= used * total
    assert events(tmp_path, "PRETIMEOUT_FLUSH")
    assert read_json(folder / "post_mortem.json")["cause"] == end["cause"]


def test_budgets_that_are_cut_end_as_none(runs: Runs, undisturbed: Path, tmp_path: Path) -> None:
    """With the epochs fixed. Each stalls until its deadline, the first before any candidate is
    done, and hands in what there is by then."""
    budget = ["budget.total=8s", "budget.reserve=6s"]
    for number, step in enumerate((30, 50)):
        ended = runs(tmp_path, *budget, stalls={str(step): 60.0})
        assert ended.code == 0, ended.said
        assert len(events(tmp_path, "EXEC_COMPLETE")) == number + 1
        assert read_json(folder_of(tmp_path) / "summary.json")["training"]["ended"] == "deadline"
        validate_submission(folder_of(tmp_path) / "submission.zip", {"scroll4.tif": SHAPE})
    assert runs(tmp_path).code == 0
    assert handed_in(tmp_path) == handed_in(undisturbed)


def test_a_budget_with_no_time_to_prepare_is_said(runs: Runs, tmp_path: Path) -> None:
    ended = runs(tmp_path, "budget.total=0.2s", "volumes.source.shape=[48,128,128]")
    assert ended.code == 1
    assert "the budget (0.2s) was over in the phase" in ended.said
    assert "the same command goes on from it" in ended.said
    assert read_status(folder_of(tmp_path) / "status.json").state == "deadline"
    assert not (folder_of(tmp_path) / "submission.zip").exists()


def test_a_phase_that_there_is_not_has_no_budget(runs: Runs, tmp_path: Path) -> None:
    ended = runs(tmp_path, "budget.phases.train_fits=5m")
    assert ended.code == 2
    assert "budget.phases.train_fits: no such phase; did you mean 'train_fit'" in ended.said


def test_a_distillation_that_executed_nothing_fails_hard(runs: Runs, tmp_path: Path) -> None:
    ended = runs(tmp_path, "budget.phases.distillation=0s")
    assert ended.code == 1
    assert "DISTILLATION_NOT_EXECUTED_HARD_FAIL" in ended.said
    assert events(tmp_path, "DISTILLATION_NOT_EXECUTED_HARD_FAIL")
    told = read_json(folder_of(tmp_path) / "summary.json")["results"]["distillation"]
    assert (told["executed"], told["updates"], told["kept"]) == (False, 0, "candidate")
    validate_submission(folder_of(tmp_path) / "submission.zip", {"scroll4.tif": SHAPE})
    again = runs(tmp_path)
    assert again.code == 0, again.said
