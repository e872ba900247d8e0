"""A sweep's command is killed: its runs end, on whatever machine, and are not doubled."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backend_bench import is_alive

import app
from app.sweep.backends.lease import end_leftovers
from app.sweep.ledger import LEDGER, read_state

PROGRAM = Path(__file__).with_name("waiting_program.py")
PATIENCE_S = 60
Options = Callable[[str], dict[str, Any]]


class Sweep:
    """The sweep of a program, and the marks of its runs."""

    def __init__(self, folder: Path, backend: str, options: dict[str, Any]) -> None:
        self.folder, self.marks = folder / "sweep", folder / "marks"
        self.marks.mkdir()
        told = ",".join(f"{key}:'{value}'" if key == "address" else f"{key}:{value}"
                        for key, value in options.items())  # fmt: skip
        self.command = [
            sys.executable, str(PROGRAM), "-m", "hydra/launcher=superior",
            "hydra/sweeper=superior", f"hydra.sweep.dir={self.folder}", "+x=1,2,3",
            f"+marks={self.marks}", "+superior.parallel=2", f"+superior.backend={backend}",
            f"+superior.backend_options={{{told}}}",
        ]  # fmt: skip

    def start(self) -> "subprocess.Popen[bytes]":
        environment = os.environ | {"PYTHONPATH": str(Path(app.__file__).parents[1])}
        return subprocess.Popen(self.command, env=environment, start_new_session=True)

    def of(self, pattern: str) -> list[str]:
        return sorted(file.name for file in self.marks.glob(pattern))

    def processes(self) -> list[int]:
        marks = [*self.of("began_*"), *self.of("child_*")]
        pids = [int(name.rpartition("_")[2]) for name in marks]
        return [pid for pid in pids if is_alive(pid)]

    def require_each_done_once(self) -> None:
        assert [name.split("_")[1] for name in self.of("done_*")] == ["1", "2", "3"]
        assert not self.of("overlap_*")
        runs = sorted(read_state(self.folder).runs.values(), key=lambda run: run.position)
        assert [(run.status, run.value) for run in runs] == [("ok", 2), ("ok", 4), ("ok", 6)]
        events = [json.loads(line) for line in (self.folder / LEDGER).read_text().splitlines()]
        assert sum(event.get("status") == "ok" for event in events) == 3
        assert not (self.folder / "remote").exists()


def test_a_killed_command_leaves_nothing_and_the_next_goes_on(
    kind: str, tmp_path: Path, options: Options
) -> None:
    sweep = Sweep(tmp_path, kind, options(kind))
    with sweep.start() as command:
        _wait(lambda: len(sweep.of("began_*")) == 2, command)
        command.kill()
    began = time.monotonic()
    _wait(lambda: not sweep.processes())
    lease_s = options(kind).get("lease_s", 0)
    assert time.monotonic() - began < lease_s + 5
    (sweep.marks / "go").touch()
    with sweep.start() as command:
        assert command.wait(PATIENCE_S) == 0
    sweep.require_each_done_once()


def test_the_next_command_does_not_wait_for_the_lease(
    kind: str, tmp_path: Path, options: Options
) -> None:
    told = options(kind)
    sweep = Sweep(tmp_path, kind, told | ({"lease_s": 300} if told else {}))
    with sweep.start() as command:
        _wait(lambda: len(sweep.of("began_*")) == 2, command)
        command.kill()
    with sweep.start() as command:
        _wait(lambda: len(sweep.of("began_*")) == 4, command)
        (sweep.marks / "go").touch()
        assert command.wait(PATIENCE_S) == 0
    sweep.require_each_done_once()
    assert not sweep.processes()


@pytest.mark.slow
def test_another_machine_ends_its_run_for_the_next_command(
    tmp_path: Path, options: Options
) -> None:
    """As if no process of this machine could be seen."""
    sweep = Sweep(tmp_path, "slurm", options("slurm") | {"lease_s": 300})
    with sweep.start() as command:
        _wait(lambda: len(sweep.of("began_*")) == 2, command)
        command.kill()
    assert len(sweep.processes()) == 4
    assert end_leftovers(sweep.folder) == 2
    assert not sweep.processes()


def _wait(is_there: Callable[[], bool], command: "subprocess.Popen[bytes] | None" = None) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_there():
        assert time.monotonic() < until
        assert command is None or command.poll() is None, "the command ended"
        time.sleep(0.02)
