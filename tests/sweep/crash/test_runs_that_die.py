"""Runs that are killed, hang, abort or leave processes behind: the others finish."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from crashed import Crashed, Driver


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_run_killed_once_is_done_again(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:die_once}", driver=driver)
    assert sweep.run() == 0, sweep.said()
    sweep.audit()
    assert [sweep.by_x()[x].attempt for x in (1, 2, 3)] == [1, 2, 1]


def test_a_run_killed_each_time_is_left_after_its_retries_and_tried_again_when_asked(
    driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:die}", "+superior.retries=2", driver=driver)
    assert sweep.run() == 7
    assert sweep.statuses() == {1: "ok", 2: "killed", 3: "ok"}
    assert sweep.by_x()[2].attempt == 3
    assert "1 of 3 runs have no result (1 killed)" in sweep.said()
    assert sweep.run() == 7  # what has ended stays so
    assert sweep.by_x()[2].attempt == 3
    assert sweep.run("+superior.retry_failed=true") == 7
    assert sweep.by_x()[2].attempt > 3
    sweep.require_nothing_left()


def test_a_run_killed_from_outside_ends_with_all_that_it_started(tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:with_children}", "+superior.retries=0")
    command = sweep.start()
    run, *children = sweep.met()
    os.kill(run, signal.SIGKILL)
    assert command.wait(30) == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "killed", 3: "ok"}
    sweep.require_nothing_left()
    assert all(map(is_gone, children))


def test_what_a_finished_run_leaves_behind_is_ended(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1", "+behave={x1:strays}")
    command = sweep.start()
    children = sweep.met()
    assert command.wait(30) == 0, sweep.said()
    sweep.audit()
    assert all(map(is_gone, children))


@pytest.mark.parametrize(
    ("behaviour", "status", "error"),
    [
        ("fail", "failed", "ValueError: x is 2"),
        ("abort", "failed", "the process ended by SIGABRT"),
        ("mute", "failed", "the process ended with 3; its last words: the last words"),
        ("polars_abort", "oom", "out of memory"),
        ("no_memory_by_errno", "oom", "Cannot allocate memory"),
        ("no_memory_by_torch", "oom", "can't allocate memory"),
        ("full_disk", "failed", "it could not write its log or its outcome"),
    ],
)
def test_a_run_that_ends_badly_is_told_by_its_cause_and_the_others_finish(
    behaviour: str, status: str, error: str, driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", f"+behave={{x2:{behaviour}}}", driver=driver)
    assert sweep.run() == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: status, 3: "ok"}
    assert error in sweep.by_x()[2].error
    sweep.require_nothing_left()


def test_runs_without_a_log_fail_one_by_one(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", driver=driver)
    sweep.folder.mkdir()
    (sweep.folder / "logs").write_text("in the way of the folder")
    assert sweep.run() == 7, sweep.said()
    assert set(sweep.statuses().values()) == {"failed"}
    assert "could not write its log" in sweep.by_x()[1].error
    (sweep.folder / "logs").unlink()
    assert sweep.run("+superior.retry_failed=true") == 0, sweep.said()
    sweep.audit()


@pytest.mark.parametrize("behaviour", ["hang", "deaf"])
def test_a_run_that_hangs_ends_at_its_timeout(behaviour: str, tmp_path: Path) -> None:
    sweep = Crashed(
        tmp_path, "+x=1,2,3", f"+behave={{x2:{behaviour}}}", "+scheduler.run_timeout=1s"
    )
    command = sweep.start()
    sweep.met()
    assert command.wait(30) == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "timeout", 3: "ok"}
    sweep.require_nothing_left()


def test_a_killed_zygote_is_replaced_and_its_runs_are_done_again(tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:with_children}")
    command = sweep.start()
    run, *children = sweep.met()
    zygote = psutil.Process(run).parent()
    assert zygote is not None
    assert zygote.ppid() == command.pid
    zygote.kill()
    again, *others = sweep.met()  # the second attempt
    assert is_gone(run)
    assert all(map(is_gone, children[:2]))
    os.kill(again, signal.SIGKILL)
    assert command.wait(30) == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "killed", 3: "ok"}
    sweep.require_nothing_left()
    assert all(map(is_gone, others))


def test_supervisor_and_zygote_killed_together_leave_nothing_for_the_next_command(
    tmp_path: Path,
) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:with_children}", "+superior.retries=0")
    command = sweep.start()
    run, *children = sweep.met()
    zygote = psutil.Process(run).parent()
    assert zygote is not None
    command.send_signal(signal.SIGSTOP)
    zygote.kill()
    command.kill()
    command.wait(10)
    again = sweep.start()
    other, *others = sweep.met()
    assert is_gone(run)
    assert all(map(is_gone, children)), [
        psutil.Process(pid) for pid in children if not is_gone(pid)
    ]
    os.kill(other, signal.SIGKILL)
    assert again.wait(30) == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "killed", 3: "ok"}
    sweep.require_nothing_left()
    assert all(map(is_gone, others))


def test_runs_have_folders_of_their_own_also_when_the_grid_grows(
    driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, "+x=2,3", driver=driver)
    assert sweep.run("+superior.repeats=2") == 0, sweep.said()
    sweep.overrides = ["+x=1,2,3"]
    assert sweep.run("+superior.repeats=3") == 0, sweep.said()
    assert len({run.position for run in sweep.state().runs.values()}) == 9
    told = [
        (folder / ".hydra" / "overrides.yaml").read_text()
        for folder in sweep.folder.iterdir()
        if folder.name.isdigit()
    ]
    assert sorted(told) == sorted(f"- +x={x}\n" for x in (1, 2, 3) for _ in range(3))
    assert all(count == 1 for count in sweep.starts().values())


def test_a_program_that_cannot_get_ready_for_its_runs_is_told_once(
    driver: Driver, tmp_path: Path
) -> None:
    application = "hydra.launcher.application=applications:Unready"
    sweep = Crashed(tmp_path, "+x=1,2,3", application, driver=driver)
    assert sweep.run() == 7, sweep.said()
    assert "getting ready for runs failed: ImportError('no module named absent')" in sweep.said()
    assert sweep.state().stopped.startswith("failed: getting ready")
    sweep.require_nothing_left()
