"""Runs with low scores, deadlines and max_runs: what is not started any more, kills included."""

import os
import signal
from pathlib import Path

import pytest
from crashed import Crashed, Driver

ENDED = 9  # events: sweep, 4 x planned, supervised, started, running, ended of the first run


@pytest.mark.parametrize("killed_at", [None, ENDED, ENDED + 1])
@pytest.mark.parametrize(
    ("action", "status"), [("flag", "ok"), ("skip_repeats", "skipped_repeats"), ("prune", "pruned")]
)
def test_a_low_score_flags_the_run_and_takes_the_others_out(
    action: str, status: str, killed_at: int | None, driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(
        tmp_path, "+x=2,3", "+behave={x2:low}", "+superior.repeats=2",
        "+superior.early_stop.min_accuracy=0.5", "+superior.early_stop.min_macro_f1=0.2",
        f"+superior.early_stop.action={action}", "+superior.early_stop.axis=x",
        driver=driver, parallel=1,
    )  # fmt: skip
    if killed_at:
        assert sweep.run(at=("after", killed_at)) == -9
    assert sweep.run() == 0, sweep.said()
    told = {(run.axes["x"], run.repeat): run for run in sweep.state().runs.values()}
    assert {key: run.status for key, run in told.items()} == {
        ("2", 0): "ok", ("2", 1): status, ("3", 0): "ok", ("3", 1): "ok",
    }  # fmt: skip
    assert told["2", 0].quality_flags == ["m: low_accuracy"]
    assert max(sweep.starts().values()) == 1


def test_max_runs_starts_no_more_and_the_same_command_goes_on(
    driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3,4,5", driver=driver)
    for most in (2, 4, 5):
        assert sweep.run("+superior.max_runs=2") == 0, sweep.said()
        assert list(sweep.statuses().values()).count("ok") == most
    sweep.audit()
    assert set(sweep.starts().values()) == {1}


def test_what_runs_at_the_deadline_is_stopped_and_done_by_the_next_command(tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x1:hang,x2:hang}")
    command = sweep.start("+superior.deadline=3s", "+superior.report_reserve=1s")
    sweep.met()
    sweep.met()
    assert command.wait(30) == 0, sweep.said()
    assert sweep.state().stopped == "deadline"
    assert sweep.statuses() == {1: "interrupted", 2: "interrupted", 3: "planned"}
    sweep.require_nothing_left()
    again = sweep.start("+superior.retries=0")
    for run, *_ in (sweep.met(), sweep.met()):
        os.kill(run, signal.SIGKILL)
    again.wait(30)
    assert sweep.statuses() == {1: "killed", 2: "killed", 3: "ok"}


def test_a_deadline_that_leaves_no_time_is_refused(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, driver=driver)
    assert sweep.run("+superior.deadline=30s") == 2
    assert "nothing can run before it" in sweep.said()
