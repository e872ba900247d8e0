"""Runs that take more memory than they may: ended as `oom`, whoever holds it, and what follows."""

from pathlib import Path

import pytest
from crashed import Crashed, Driver

LIMIT_GB = 0.2
LIMIT = f"+scheduler.max_ram_per_run_gb={LIMIT_GB}"
OVERSHOOT = 1.05


def test_an_allocation_past_the_limit_is_an_oom_with_its_own_exit_code(
    driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:allocate}", LIMIT, driver=driver)
    assert sweep.run() == 7
    assert sweep.statuses() == {1: "ok", 2: "oom", 3: "ok"}
    run = sweep.by_x()[2]
    assert run.exit_code == 99
    assert run.error.startswith("MemoryError")
    assert run.peak_gb <= LIMIT_GB * OVERSHOOT


def test_memory_that_children_hold_together_is_the_runs(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(
        tmp_path, "+x=1,2,3", "+behave={x2:allocate_elsewhere}", "+mb=80", LIMIT, driver=driver
    )
    assert sweep.run() == 7
    assert sweep.statuses() == {1: "ok", 2: "oom", 3: "ok"}
    assert "more memory than allowed" in sweep.by_x()[2].error
    sweep.require_nothing_left()


def test_memory_of_processes_that_lost_their_parents_is_the_runs(
    driver: Driver, tmp_path: Path
) -> None:
    limit = "+scheduler.max_ram_per_run_gb=0.17"
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:daemon}", limit, driver=driver)
    assert sweep.run() == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "oom", 3: "ok"}
    sweep.require_nothing_left()


def test_pages_that_forks_share_are_there_once(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:share}", LIMIT, driver=driver)
    assert sweep.run() == 0, sweep.said()
    assert sweep.by_x()[2].peak_gb <= LIMIT_GB


def test_after_an_oom_the_repeats_of_the_combination_are_skipped(
    driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(
        tmp_path, "+x=1,2", "+behave={x2:allocate}", LIMIT, "+superior.repeats=2",
        driver=driver, parallel=1,
    )  # fmt: skip
    assert sweep.run() == 7
    told = {(run.axes["x"], run.repeat): run for run in sweep.state().runs.values()}
    assert {key: run.status for key, run in told.items()} == {
        ("1", 0): "ok", ("1", 1): "ok", ("2", 0): "oom", ("2", 1): "skipped_oom",
    }  # fmt: skip
    assert "ran out of memory" in told["2", 1].because


OOM_IS_TOLD = 8  # events: sweep, 3 x planned, supervised, started, running, ended


@pytest.mark.parametrize("killed_at", [None, OOM_IS_TOLD, OOM_IS_TOLD + 1])
def test_after_an_oom_the_rest_is_aborted_also_when_that_was_not_told_before_a_kill(
    killed_at: int | None, driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(
        tmp_path, "+x=2,3,4", "+behave={x2:allocate}", LIMIT, "+scheduler.oom_policy=stop",
        driver=driver, parallel=1,
    )  # fmt: skip
    if killed_at:
        assert sweep.run(at=("after", killed_at)) == -9
        assert sweep.events()[OOM_IS_TOLD - 1]["status"] == "oom"
    assert sweep.run() == 7
    assert sweep.statuses() == {2: "oom", 3: "aborted_oom_policy", 4: "aborted_oom_policy"}
    assert sum(sweep.starts().values()) == 1


@pytest.mark.parametrize("killed_at", [None, OOM_IS_TOLD - 1, OOM_IS_TOLD, OOM_IS_TOLD + 1])
@pytest.mark.parametrize("backoff", ["smaller_work", "bigger_slot"])
def test_a_backoff_makes_the_run_fit_also_when_it_was_not_told_before_a_kill(
    backoff: str, killed_at: int | None, driver: Driver, tmp_path: Path
) -> None:
    factor = 0.5 if backoff == "smaller_work" else 2
    sweep = Crashed(
        tmp_path, "+x=2,3", "+behave={x2:allocate}", "+mb=250", LIMIT,
        "+scheduler.oom_policy=backoff", f"+scheduler.backoff={backoff}",
        f"+scheduler.backoff_factor={factor}",
        "hydra.launcher.application=applications:Smaller",
        driver=driver, parallel=1,
    )  # fmt: skip
    if killed_at:
        assert sweep.run(at=("after", killed_at - 1)) == -9  # two runs are planned
    assert sweep.run() == 0, sweep.said()
    run = sweep.by_x()[2]
    assert (run.status, run.value, run.backoff) == ("ok", 4, 1)
    assert run.folder == f"runs/{run.run_id}_b1"
    assert run.changes == [{"mb": 125} if backoff == "smaller_work" else {}]
    assert run.ram_gb == (0.4 if backoff == "bigger_slot" else LIMIT_GB)
    assert sweep.by_x()[3].status == "ok"


def test_a_backoff_that_would_never_fit_is_not_tried(driver: Driver, tmp_path: Path) -> None:
    sweep = Crashed(
        tmp_path, "+x=2", "+behave={x2:allocate}", LIMIT, "+scheduler.oom_policy=backoff",
        "+scheduler.backoff=bigger_slot", "+scheduler.backoff_factor=2",
        "+scheduler.max_ram_gb=0.5", driver=driver,
    )  # fmt: skip
    assert sweep.run() == 7
    assert sweep.statuses() == {2: "oom"}
    assert sweep.by_x()[2].backoff == 1  # 0.4 GB were tried, 0.8 are not allowed
