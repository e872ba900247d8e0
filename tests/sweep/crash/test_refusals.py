"""Commands that are refused with one clear message, and the sweep that stays as it was."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from crashed import Crashed, Driver

from app.durable.journal import verify
from app.sweep.ledger import LEDGER


@pytest.fixture
def done(driver: Driver, tmp_path: Path) -> Crashed:
    sweep = Crashed(tmp_path, "+x=1,2", "+seed=5", driver=driver)
    assert sweep.run() == 0, sweep.said()
    return sweep


@pytest.mark.parametrize(
    ("overrides", "more", "said"),
    [
        (["+x=1"], [], "1 of its combinations are not in this command (+x=2 +seed=5)"),
        (["+x=1,2,2"], [], "two runs of this sweep have the same config"),
        (["+x=1,2"], ["+y=1"], "2 of its combinations are not in this command"),
        (["+x=1,2"], ["+superior.repeats=1,2"], "an axis of runs cannot be a key of the sweep"),
        (["+x=1,2"], ["+superior.seed_strategy=per_run"], "was planned with seed 5"),
        (["+x=1,2,3"], ["+scheduler.max_ram_gb=0.01"], "GB, and scheduler.max_ram_gb allows 0.0"),
        (["+x=1,2,3"], ["+superior.parallel=0"], "superior.parallel"),
    ],
)
def test_a_wrong_plan_leaves_the_ledger_as_it_was(
    overrides: list[str], more: list[str], said: str, done: Crashed
) -> None:
    before = (done.folder / LEDGER).read_bytes()
    done.overrides = [*overrides, "+seed=5"]
    more = [item.replace("+superior.parallel", "++superior.parallel") for item in more]
    assert done.run(*more) == 2, done.said()
    assert said in done.said()
    assert "Traceback" not in done.said()
    assert (done.folder / LEDGER).read_bytes() == before
    done.audit()


def test_a_second_supervisor_is_refused_and_the_first_is_unharmed(tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:hang}", "+superior.retries=0")
    first = sweep.start()
    run, *_ = sweep.met()
    second = Crashed.__new__(Crashed)
    second.__dict__.update(sweep.__dict__ | {"output": tmp_path / "second"})
    command = second.start()
    assert command.wait(30) == 3, second.said()
    assert f"process {first.pid} on" in second.said()
    assert "Traceback" not in second.said()
    os.kill(run, signal.SIGKILL)
    assert first.wait(30) == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "killed", 3: "ok"}
    assert verify(sweep.folder / LEDGER) == []


def test_resume_false_moves_the_earlier_sweep_aside(done: Crashed) -> None:
    before = (done.folder / LEDGER).read_bytes()
    done.overrides = ["+x=3"]
    assert done.run("+superior.resume=false") == 0, done.said()
    assert done.run("+superior.resume=false") == 0, done.said()  # within the same second
    done.audit()
    aside = sorted(done.root.glob("sweep.until-*"))
    assert len(aside) == 2
    assert before in [(folder / LEDGER).read_bytes() for folder in aside]


def test_another_programs_results_are_not_taken_for_this_ones(
    driver: Driver, tmp_path: Path
) -> None:
    """The folders of runs have the same names: their configs are equal."""
    sweep = Crashed(tmp_path, "+x=1,2", driver=driver)
    assert sweep.run() == 0, sweep.said()
    ledger = sweep.folder / LEDGER
    ledger.rename(ledger.with_name("of-another-program"))
    ledger.with_name(f"{LEDGER}.head").unlink()
    assert sweep.run(at=("after", 5)) == -9  # the first run is told as started, and has not begun
    assert sweep.events()[-1]["event"] == "started"
    assert sweep.known_ok() == set()
    assert sweep.run() == 0, sweep.said()
    assert set(sweep.starts().values()) == {2}


def under_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "sweep"


def ledger_is_a_folder(folder: Path) -> Path:
    (folder / "sweep" / LEDGER).mkdir(parents=True)
    return folder / "sweep"


@pytest.mark.parametrize("place", [under_a_file, ledger_is_a_folder])
def test_a_place_that_cannot_be_written_is_named(
    place: Callable[[Path], Path], driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, driver=driver)
    sweep.folder = place(tmp_path)
    assert sweep.run() not in (0, -9)
    assert str(sweep.folder) in sweep.said()
    assert "Traceback" not in sweep.said()


@pytest.mark.parametrize("number", [1, 9, 20, 27])
def test_a_disk_without_room_for_the_ledger_stops_the_sweep_and_keeps_the_rest(
    number: int, driver: Driver, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, driver=driver)
    assert sweep.run(at=("full", number)) == 7, sweep.said()
    assert "No space left on device" in sweep.said()
    assert "Traceback" not in sweep.said()
    sweep.require_nothing_left()
    known, starts = sweep.known_ok(), sweep.starts()
    assert sweep.run() == 0, sweep.said()
    sweep.audit()
    assert all(sweep.starts()[run_id] == starts[run_id] for run_id in known)
