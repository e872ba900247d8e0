"""The process that follows a sweep's ledger: real writers, really left alone and killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock, Timeout
from sweeps import HandMadeSweep

from app.config.tracking import Tracking
from app.sweep.ledger import Ledger
from app.tracking.sweep_files import is_recorded
from app.tracking.sweep_recording import SweepWriter
from app.tracking.sweep_writer import LOCK

HERE = Path(__file__).parent


def supervise(sweep: HandMadeSweep, end: str) -> int:
    """Runs `live_sweep.py`; returns its exit code when its writer has ended too."""
    places = [str(sweep.project), str(sweep.run_folder)]
    code = subprocess.run(
        [sys.executable, str(HERE / "live_sweep.py"), *places, end],
        env={**os.environ, "PYTHONPATH": f"{HERE.parents[1] / 'src'}:{HERE}"},
        timeout=120,
        check=False,
    ).returncode
    with FileLock(sweep.folder / LOCK, timeout=60):
        return code


def tracking(sweep: HandMadeSweep) -> Tracking:
    return Tracking(experiment="sweeps", uri=sweep.uri)


def status(sweep: HandMadeSweep) -> dict[str, str]:
    told = {}
    for run_id, runs in sweep.runs().items():
        (run,) = runs
        told[run_id] = run.info.status
    return told


def test_a_sweep_from_start_to_end_and_nothing_more_after_that(sweep: HandMadeSweep) -> None:
    assert supervise(sweep, "finish") == 0
    assert status(sweep) == {"": "FINISHED", "r0": "FINISHED", "r1": "FAILED"}
    assert is_recorded(sweep.folder, tracking(sweep), sweep.project)
    marker = json.loads((sweep.folder / "mlflow.json").read_text())

    resumed = SweepWriter(sweep.folder, tracking(sweep), sweep.project)
    outcome = resumed.finish(60)
    assert resumed._process is None
    assert (outcome.page, outcome.errors) == (marker["page"], [])
    assert set(resumed.pages(1)) == {"r0", "r1"}

    (sweep.folder / "report.html").write_text("another report")
    assert not is_recorded(sweep.folder, tracking(sweep), sweep.project)
    (sweep.folder / "report.html").unlink()
    (sweep.project / "mlruns" / "mlflow.db").unlink()
    assert not is_recorded(sweep.folder, tracking(sweep), sweep.project)


@pytest.mark.parametrize("end", ["sigkill", "sigkill_with_child"])
def test_a_sweep_whose_supervisor_vanishes_and_is_resumed(sweep: HandMadeSweep, end: str) -> None:
    assert supervise(sweep, end) == -signal.SIGKILL
    assert status(sweep) == {"": "KILLED", "r0": "FINISHED", "r1": "FAILED"}
    (parent,) = sweep.runs()[""]
    assert "the supervisor vanished" in parent.data.tags["superior.end"]

    with Ledger(sweep.folder) as ledger:
        own = psutil.Process()
        sweep.supervise(ledger, own.pid, own.create_time())
        writer = SweepWriter(sweep.folder, tracking(sweep), sweep.project)
        writer.poke()
        assert set(writer.pages(60)) == {"r0", "r1"}
        (running,) = sweep.runs()[""]
        assert (running.info.run_id, running.info.status) == (parent.info.run_id, "RUNNING")
        ledger.append("stopped", reason="finished")
    assert writer.finish(60).errors == []
    assert status(sweep) == {"": "FINISHED", "r0": "FINISHED", "r1": "FAILED"}


def test_a_killed_writer_is_told_and_mended(sweep: HandMadeSweep) -> None:
    sweep.whole()
    writer = SweepWriter(sweep.folder, tracking(sweep), sweep.project)
    writer.poke()
    assert writer.pages(60)
    assert writer._process is not None
    writer._process.kill()
    writer._process.wait()
    writer.poke()
    assert writer.pages(60) == {}
    (told,) = writer.finish(60).errors
    assert told == "its writer ended early (exit -9); `kedro mlflow-sync` mends it"
    assert SweepWriter(sweep.folder, tracking(sweep), sweep.project).finish(60).errors == []
    assert status(sweep)[""] == "FINISHED"


def test_a_second_writer_waits_for_the_first(sweep: HandMadeSweep) -> None:
    sweep.whole()
    writers = [SweepWriter(sweep.folder, tracking(sweep), sweep.project) for _ in range(2)]
    writers[0].poke()
    assert writers[0].pages(60)
    with pytest.raises(Timeout), FileLock(sweep.folder / LOCK, timeout=0):
        pass
    assert writers[1].finish(0).errors == ["it is still writing after 0 s, and goes on"]
    assert writers[0].finish(60).errors == []
    assert writers[1].finish(60).errors == []
    assert status(sweep) == {"": "FINISHED", "r0": "FINISHED", "r1": "FAILED", "r2": "KILLED"}


def test_a_store_that_fails_is_told_and_marks_nothing(sweep: HandMadeSweep, tmp_path: Path) -> None:
    sweep.whole()
    (tmp_path / "file").write_text("no folder")
    broken: Any = Tracking(experiment="sweeps", uri=f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")
    (told,) = SweepWriter(sweep.folder, broken, sweep.project).finish(60).errors
    assert "file" in told
    assert not (sweep.folder / "mlflow.json").exists()
