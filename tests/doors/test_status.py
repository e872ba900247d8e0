"""`kedro status` and `kedro watch` show the work that runs, or ran last."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.durable.process import ProcessId
from app.durable.status import Status, now, write_status
from app.running import status, watch

sys.path.insert(0, str(Path(__file__).parents[1] / "sweep"))
from fake_sweep import FakeSweep


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "reports").mkdir(parents=True)
    return tmp_path


def tell(folder: Path, minutes_ago: float = 0.0, alive: bool = True, **given: object) -> None:
    process = ProcessId.of(os.getpid())
    assert process is not None
    told: dict[str, object] = {
        "run": folder.name, "run_id": "18e9", "study": "vesuvius", "pid": process.pid,
        "process_started": process.started - (0 if alive else 1000), "host": process.host,
        "state": "running", "phase": "train_fit", "percent": 41.27, "phase_percent": 50.0,
        "cursor": {"epoch": 3, "iter": 60}, "eta_s": 600.0, "speed": 523.4,
        "unit": "candidate iterations", "rss_mb": 812.0, "spent_s": 5.0, "budget_s": 3600.0,
        "budget_left_s": 1800.0, "started": now(), "updated": now(), "ended": None,
    }  # fmt: skip
    told["updated"] = now() - timedelta(minutes=minutes_ago)
    folder.mkdir(parents=True, exist_ok=True)
    write_status(folder / "status.json", Status.model_validate({**told, **given}))


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(status, list(arguments))


def cells(told: Result, run: str) -> list[str]:
    (found,) = (line for line in told.output.splitlines() if run in line.split("  ")[0])
    return [cell.strip() for cell in found.split("  ") if cell.strip()]


def test_a_running_run_has_all_there_is_to_know() -> None:
    tell(Path("data/reports/vesuvius/full"))
    told = ask()
    assert told.exit_code == 0
    assert told.output.split("\n")[0].split() == [
        "run", "state", "phase", "%", "cursor", "ETA", "speed", "RAM", "budget", "left", "path",
    ]  # fmt: skip
    assert cells(told, "full") == [
        "vesuvius full", "running", "train_fit", "41.3", "epoch=3 iter=60", "10 min 00 s",
        "523 candidate iterations/s", "812 MB", "30 min 00 s", "data/reports/vesuvius/full",
    ]  # fmt: skip


def test_what_runs_comes_first_and_a_dead_process_is_not_running() -> None:
    tell(Path("data/reports/vesuvius/dead"), alive=False)
    tell(Path("data/reports/vesuvius/mute"), minutes_ago=5)
    tell(Path("data/reports/vesuvius/done"), state="finished", minutes_ago=2)
    told = ask()
    order = [line.split()[1] for line in told.output.splitlines()[1:]]
    assert order == ["mute", "dead", "done"]
    assert cells(told, "dead")[1] == "killed"
    assert cells(told, "mute")[1].startswith("silent 5 min")


def test_a_status_that_cannot_be_read_hides_no_other() -> None:
    tell(Path("data/reports/vesuvius/full"))
    (Path("data/reports") / "status.json").write_text("{")
    told = ask()
    assert cells(told, "reports")[1] == "unreadable"
    assert cells(told, "full")[1] == "running"


def test_running_sweeps_and_their_runs_are_there_too() -> None:
    sweep = FakeSweep(Path("data/superior/alive"))
    sweep.supervise()
    sweep.run(sweep.runs[0], seconds=10)
    tell(Path("data/superior/alive/3/reports/vesuvius/three"))
    dead = FakeSweep(Path("data/superior/dead"))
    dead.supervise(gone=True)
    told = ask()
    assert cells(told, "alive")[:3] == ["alive", "running", "sweep"]
    assert "1/24 runs" in cells(told, "alive")
    assert cells(told, "three")[1] == "running"
    assert "dead" not in told.output


def test_old_work_is_counted_and_a_path_shows_all_of_it() -> None:
    for number in range(8):
        tell(Path(f"data/reports/vesuvius/r{number}"), state="finished", minutes_ago=number)
    told = ask()
    assert "and 3 that ended earlier" in told.output
    assert "r7" not in told.output
    assert "r7" in ask("data/reports").output
    one = ask("data/reports/vesuvius/r7/status.json")
    assert [line.split()[1] for line in one.output.splitlines()[1:]] == ["r7"]


def test_nothing_and_nowhere_are_said() -> None:
    assert ask().output == "nothing runs, or ran, under data\n"
    told = ask("nowhere")
    assert told.exit_code == 2
    assert "nowhere: no such file or folder" in told.output


def test_watching_goes_on_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(Path("data/reports/vesuvius/full"))
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("app.running.time.sleep", sleep)
    told = CliRunner().invoke(watch, ["--every", "0.5"])
    assert told.exit_code == 0
    assert looks == [0.5, 0.5, 0.5]
    assert "vesuvius full" in told.output
