"""A sweep of `program.py` that a test starts, kills, resumes and audits."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from app.durable.journal import read_events, verify
from app.sweep.ledger import LEDGER, RunState, SweepState, fold
from app.sweep.outcome import read_outcome

HERE = Path(__file__).parent
SRC = HERE.parents[2] / "src"
PATIENCE_S = 20.0


class Driver:
    """`driver.py` as a process: each sweep is forked from it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "driver.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": f"{SRC}{os.pathsep}{HERE}"},
        )

    def run(self, request: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(json.loads(self.process.stdout.readline())["code"])

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # a process left by another test holds its pipe open
            self.process.kill()
            self.process.wait()


def started_with(environment: str) -> list[psutil.Process]:
    """Processes whose environment has a variable that begins so."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            told = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
            ours = any(item.startswith(environment.encode()) for item in told)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


class Crashed:
    """One sweep in `folder`/sweep, and the file outside it that its runs write to."""

    def __init__(
        self, folder: Path, *overrides: str, driver: Driver | None = None, parallel: int = 2
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.root, self.folder, self.driver = folder, folder / "sweep", driver
        self.parallel = parallel
        self.overrides = list(overrides) or ["+x=1,2,3,4,5,6"]
        self.trace, self.meeting = folder / "trace", folder / "meeting"
        self.output = folder / "output"
        os.mkfifo(self.meeting)
        self._met = os.open(self.meeting, os.O_RDWR)
        self._read = b""  # of the meeting, and not told yet
        self.env = {"TRACE": str(self.trace), "MEETING": str(self.meeting)}

    def arguments(self, *more: str) -> list[str]:
        own = ["hydra/launcher=superior", "hydra/sweeper=superior"]
        own.append(f"+superior.parallel={self.parallel}")
        place = f"hydra.sweep.dir={self.folder}"
        return ["-m", *own, place, *self.overrides, *more]

    def run(self, *more: str, at: tuple[str, int] | None = None) -> int:
        """One command on the sweep, to its end; its exit code, negative for a signal."""
        request = {"argv": self.arguments(*more), "env": self.env, "at": at}
        if self.driver is not None:
            return self.driver.run(request | {"output": str(self.output)})
        started = self.start(*more)
        return started.wait(timeout=60)

    def start(self, *more: str) -> "subprocess.Popen[str]":
        """A command on the sweep, in the foreground of a session of its own."""
        with self.output.open("w") as output:
            return subprocess.Popen(
                [sys.executable, str(HERE / "program.py"), *self.arguments(*more)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=os.environ | self.env | {"PYTHONPATH": str(SRC)},
            )

    def met(self) -> list[int]:
        """Waits until a run is in the middle of its work; its processes."""
        while b"\n" not in self._read:
            ready, _, _ = select.select([self._met], [], [], PATIENCE_S)
            assert ready, self.said()
            self._read += os.read(self._met, 4096)
        line, _, self._read = self._read.partition(b"\n")
        told: list[int] = json.loads(line)
        return told

    def said(self) -> str:
        return self.output.read_text()

    def events(self) -> list[dict[str, Any]]:
        return list(read_events(self.folder / LEDGER))

    def state(self) -> SweepState:
        return fold(self.events())

    def by_x(self) -> dict[int, RunState]:
        return {int(run.axes["x"]): run for run in self.state().runs.values()}

    def statuses(self) -> dict[int, str]:
        return {x: run.status for x, run in sorted(self.by_x().items())}

    def starts(self) -> Counter[str]:
        """run_id -> how often the program itself says it was started."""
        told = self.trace.read_text().splitlines() if self.trace.exists() else []
        return Counter(line.split()[1] for line in told if line.startswith("start "))

    def known_ok(self) -> set[str]:
        """Runs that have a result: by the ledger, or by what they left for it."""
        if not (self.folder / LEDGER).exists():
            return set()
        known = set()
        for run in self.state().runs.values():
            outcome = read_outcome(self.folder / run.folder, run.run_id, run.attempt)
            if run.status == "ok" or (
                run.status == "running" and outcome is not None and outcome.status == "ok"
            ):
                known.add(run.run_id)
        return known

    def processes(self) -> list[psutil.Process]:
        """Those that this sweep's commands have started, whoever is their parent now."""
        return started_with(f"TRACE={self.trace}")

    def require_nothing_left(self, seconds: float = 3.0) -> None:
        """A killed supervisor's zygote needs a moment to see that it is alone."""
        until = time.monotonic() + seconds
        while left := self.living():
            assert time.monotonic() < until, f"left running: {left}"
            time.sleep(0.005)

    def living(self) -> list[psutil.Process]:
        """Processes of this sweep: also those forked, which have the driver's environment."""
        logs = f"{self.folder}{os.sep}"
        found = self.processes()
        for pid in psutil.pids():
            for descriptor in (0, 1, 2):
                with contextlib.suppress(OSError, psutil.Error):
                    file = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                    if file.startswith(logs) or file == str(self.output):
                        process = psutil.Process(pid)
                        if process.status() != psutil.STATUS_ZOMBIE:
                            found.append(process)
        return [process for process in found if process.pid != os.getpid()]

    def audit(self) -> None:
        """Every run ok exactly once, in a folder of its own, under a ledger that verifies."""
        assert verify(self.folder / LEDGER) == []
        state = self.state()
        ok = Counter(
            event["run_id"]
            for event in self.events()
            if event["event"] == "ended" and event["status"] == "ok"
        )
        assert ok == dict.fromkeys(state.runs, 1)
        assert {run.value for run in state.runs.values()} == {2 * x for x in self.by_x()}
        for run in state.runs.values():
            assert run.status == "ok"
            assert run.value == 2 * int(run.axes["x"])
            outcome = read_outcome(self.folder / run.folder, run.run_id, run.attempt)
            assert outcome is not None
            assert outcome.value == run.value
        assert len({run.folder for run in state.runs.values()}) == len(state.runs)
        self.require_nothing_left()

    def result(self) -> dict[str, tuple[Any, ...]]:
        """What must not depend on what happened on the way."""
        return {
            run.run_id: (run.status, run.value, run.overrides, run.seed, run.folder, run.key)
            for run in self.state().runs.values()
        }
