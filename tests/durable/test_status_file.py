"""status.json: what it says, and what a reader makes of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.durable.process import ProcessId
from app.durable.status import Status, now, read_status, state_now, write_status
from app.errors import InputError


def a_status(process: ProcessId, **given: object) -> Status:
    told: dict[str, object] = {
        "run": "a", "run_id": "18e9", "study": "toy", "pid": process.pid,
        "process_started": process.started, "host": process.host, "state": "running",
        "phase": "fit", "percent": 12.5, "phase_percent": 25.0, "cursor": {"epoch": 3},
        "eta_s": 10.0, "speed": 4.0, "unit": "step", "rss_mb": 100.0, "spent_s": 5.0,
        "budget_s": 60.0, "budget_left_s": 55.0, "started": now(), "updated": now(), "ended": None,
    }  # fmt: skip
    return Status.model_validate({**told, **given})


def this() -> ProcessId:
    process = ProcessId.of(os.getpid())
    assert process is not None
    return process


def test_it_comes_back_as_it_was_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    status = a_status(this())
    for _ in range(2):
        write_status(tmp_path / "status.json", status)
    assert read_status(tmp_path / "status.json") == status
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_reader_tells_that_a_process_was_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = ProcessId.of(child.pid)
    assert process is not None
    assert state_now(a_status(process)) == "running"
    child.kill()
    child.wait()
    assert state_now(a_status(process)) == "killed"
    assert state_now(a_status(process, state="deadline")) == "deadline"


def test_a_pid_that_was_given_again_is_not_the_run() -> None:
    again = ProcessId(this().host, os.getpid(), psutil.boot_time() - 1000.0)
    assert state_now(a_status(again)) == "killed"
    assert state_now(a_status(ProcessId("elsewhere", 1, time.time()))) == "running"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": "a"}'])
def test_what_is_no_status_is_said(text: str, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"status\.json is no status of a run"):
        read_status(path)
    with pytest.raises(InputError, match=r"absent\.json"):
        read_status(tmp_path / "absent.json")
