"""Processes of a killed sweep are ended before anything starts; those of others are let be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.durable.process import ProcessId
from app.sweep.ledger import RunState
from app.sweep.leftovers import end_leftovers

WAITS = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def waiting() -> Iterator[list["subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def run(process: "subprocess.Popen[bytes]", **told: Any) -> RunState:
    known = ProcessId.of(process.pid)
    assert known is not None
    fields = {
        "status": "running", "host": known.host, "pid": known.pid,
        "process_started": known.started,
    }  # fmt: skip
    return RunState(
        run_id="a_r0", position=0, key="a", repeat=0, seed=None, overrides=[], axes={}, kind="k",
        resource="light", families=[], **fields | told,
    )  # fmt: skip


def test_a_run_that_still_runs_is_ended(waiting: list[Any], tmp_path: Path) -> None:
    waiting.append(subprocess.Popen(WAITS, start_new_session=True))
    assert end_leftovers([run(waiting[0])], tmp_path) == 1
    assert waiting[0].wait(5) == -9


@pytest.mark.parametrize(
    "told",
    [
        {"status": "ok"},
        {"status": "interrupted"},
        {"process_started": 1.0},  # the pid has been given to another
        {"host": "another"},
        {"pid": 0},  # no process was told
    ],
)
def test_other_processes_are_let_be(
    told: dict[str, Any], waiting: list[Any], tmp_path: Path
) -> None:
    waiting.append(subprocess.Popen(WAITS, start_new_session=True))
    assert end_leftovers([run(waiting[0], **told)], tmp_path) == 0
    assert waiting[0].poll() is None


def test_what_a_run_started_is_found_without_the_run(waiting: list[Any], tmp_path: Path) -> None:
    record = {"SUPERIOR_RECORD": str(tmp_path / "runs" / "a_r0" / "record.jsonl")}
    elsewhere = {"SUPERIOR_RECORD": str(tmp_path.parent / "runs" / "a_r0" / "record.jsonl")}
    for environment in (record, elsewhere):
        waiting.append(subprocess.Popen(WAITS, env=os.environ | environment))
    assert end_leftovers([], tmp_path) == 1
    assert waiting[0].wait(5) == -9
    assert waiting[1].poll() is None
