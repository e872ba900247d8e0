"""The files of a run: its summary, its status, a journal that tells everything and verifies; the
same when its stages are run one by one, or again."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from study_runs import Runs, events, folder_of, handed_in, read_json

from app.durable.status import read_status
from app.pipelines.vesuvius.story import story_of
from app.verify import verify

pytestmark = pytest.mark.xdist_group("vesuvius_runs")

NAMES = {
    *("BOOT", "PREFLIGHT_START", "PREFLIGHT_OK", "PHASE_WEIGHT_CALIBRATION", "EXEC_COMPLETE"),
    *("DATASET_DISCOVERY", "TRAIN_DISCOVERY", "FILE_START", "FILE_DONE", "ARRAY_TRACE"),
    *("GLOBAL_STATS", "SUPERVISED_TRAIN", "PROGRESS_UPDATE", "SAFE_SUBMISSION"),
    *("GLOBAL_PROGRESS_REALTIME", "TRAIN_CURSOR", "TIME_BUDGET_STATE", "CHECKPOINT_WRITTEN"),
    *("DISTILLATION_START", "TEACHER_LOAD_BEGIN", "TEACHER_LOAD_END", "BATCH_BEGIN", "BATCH_END"),
    *("LOSS_STEP", "STUDENT_UPDATE", "DISTILLATION_END", "PHASE_START", "PHASE_END"),
}
PHASES = ["discovery", "load", "features", "train_data", "train_fit", "distillation", "segment"]


def test_the_summary_has_what_is_asked_for(undisturbed: Path) -> None:
    summary: dict[str, Any] = read_json(folder_of(undisturbed) / "summary.json")
    results = summary["results"]
    assert {"index", "l1", "l2", "meta_neuron", "epoch", "score"} <= set(results["best_candidate"])
    assert [told["volume"] for told in results["volumes"]] == ["scroll4", "scroll1"]
    measures = {"dice", "iou", "f_beta", "surface_dice", "voi_score", "topology", "combined"}
    assert measures <= set(results["test"])
    assert len(results["model_sha256"]) == len(results["submission"]["sha256"]) == 64
    assert results["distillation"]["executed"] is True
    assert summary["progress"]["percent"] == 100.0
    assert set(summary["progress"]["phases"].values()) == {100.0}
    assert list(summary["time"]["phases"]) == sorted([*PHASES, "package"])
    assert sum(summary["time"]["phases"].values()) <= summary["time"]["seconds"]
    assert sum(summary["time"]["shares"].values()) == pytest.approx(1.0)
    assert set(summary["budget"]) == {"total_s", "spent_s", "deadline_reached"}


def test_the_status_is_that_of_a_finished_run(undisturbed: Path) -> None:
    status = read_status(folder_of(undisturbed) / "status.json")
    assert (status.state, status.percent, status.eta_s) == ("finished", 100.0, 0.0)
    assert status.ended is not None


def test_the_journal_tells_everything_and_verifies(undisturbed: Path) -> None:
    verified = CliRunner().invoke(verify, [str(folder_of(undisturbed))])
    assert verified.exit_code == 0, verified.output
    told = {event["event"] for name in NAMES for event in events(undisturbed, name)}
    assert told == NAMES
    updates = events(undisturbed, "PROGRESS_UPDATE")
    count = {name: sum(event["stage"] == name for event in updates) for name in STAGES}
    assert count == STAGES
    assert not events(undisturbed, "PROGRESS_INTEGRITY_ALERT")
    shown = [event["percent"] for event in events(undisturbed, "PHASE_END")]
    assert shown == sorted(shown)


STAGES = {  # 2 epochs of 2 batches of 40 iterations, the validation rows seen at every tenth
    "fit_prox_iter": 160,
    "fit_kpi": 16,
    "hyperparam_search": 4,
    "epoch_done": 2,
}


@pytest.mark.slow
def test_stages_one_by_one_are_one_run(runs: Runs, undisturbed: Path, tmp_path: Path) -> None:
    for stage, left in (
        ("prepare", {"train_fit", "distillation", "segment", "package"}),
        ("train", {"segment", "package"}),
        ("evaluate", {"package"}),
        ("report", set()),
    ):
        ended = runs(tmp_path, f"pipeline=vesuvius.{stage}")
        assert ended.code == 0, ended.said
        status = read_status(folder_of(tmp_path) / "status.json")
        assert status.state == ("stopped" if left else "finished")
        profile = read_json(folder_of(tmp_path) / "RUN_PROFILE_SUMMARY.json")
        undone = {name for name, told in profile["phases"].items() if told["fraction"] < 1.0}
        assert undone == left
    assert handed_in(tmp_path) == handed_in(undisturbed)
    summary = read_json(folder_of(tmp_path) / "summary.json")
    assert summary["progress"]["percent"] == 100.0
    assert set(summary["time"]["phases"]) == {*PHASES, "package"}  # of all four processes


@pytest.mark.slow
def test_a_finished_run_is_told_again(runs: Runs, undisturbed: Path, tmp_path: Path) -> None:
    """The same command: nothing is fitted again, everything is as it was."""
    for _ in range(2):
        assert runs(tmp_path).code == 0
    assert handed_in(tmp_path) == handed_in(undisturbed)
    assert len(events(tmp_path, "PROGRESS_UPDATE")) == sum(STAGES.values())
    assert read_status(folder_of(tmp_path) / "status.json").state == "finished"


@pytest.mark.slow
def test_a_stage_without_its_inputs_says_what_to_run(runs: Runs, tmp_path: Path) -> None:
    for stage in ("train", "evaluate", "report"):
        ended = runs(tmp_path, f"pipeline=vesuvius.{stage}")
        assert ended.code == 3, ended.said
        assert "run the stages before this one first" in ended.said
        assert "Traceback" not in ended.said


def event(name: str, at_s: float, **fields: Any) -> dict[str, Any]:
    return {"event": name, "ts_ns": int(at_s * 1e9), **fields}


def test_the_story_leaves_pauses_out_and_joins_budgets() -> None:
    """Two processes, a minute between them; the second has a new budget, so that what it tells of
    its phases begins at 0 again."""
    story = story_of(
        [
            event("BOOT", 100),
            event("PHASE_END", 104, percent=10.0, phases_s={"features": 3.0}),
            event("PHASE_END", 110, percent=40.0, phases_s={"features": 3.0, "train_fit": 5.0}),
            event("EXEC_COMPLETE", 111, cause="deadline", whole=False, phases_s={"train_fit": 5.0}),
            event("BOOT", 170),
            event("PHASE_END", 172, percent=70.0, phases_s={"train_fit": 2.0}),
        ],
        max_iter=40,
    )
    assert story.seconds == 13.0
    assert story.restarts == [11.0]
    assert story.progress == [(4.0, 0.1), (10.0, 0.4), (13.0, 0.7)]
    assert story.phases_s == {"features": 3.0, "train_fit": 7.0}
