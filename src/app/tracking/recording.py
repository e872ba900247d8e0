"""The run's side of tracking: what happens is told to the writer process, one JSON line each.

The writer (`app.tracking.writer`) alone imports MLflow, on another core while the run works. It
is in a session of its own, so that Ctrl-C reaches the run and not its record; when its input ends
without an `end`, it marks the run as killed.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.durable.interrupt import received

SRC = Path(__file__).resolve().parents[2]
FINISH_S = 600.0  # models may be gigabytes, and the store far away


@dataclass(frozen=True)
class Outcome:
    """What the writer recorded. `errors` is empty when that is everything it was told."""

    run_id: str | None
    page: str  # of the run, below the address of an MLflow server
    aliases: dict[str, str]  # registered model -> what became of its alias
    errors: list[str]


class Recording:
    """One MLflow run being written. Nothing here raises for a failure of tracking: the run's
    results come first, and `end` tells what is missing."""

    def __init__(self, **start: Any) -> None:
        """Starts the writer; `start` is the first message (`writer.RunWriter.start`)."""
        paths = [str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.tracking.writer", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._owner = os.getpid()
        self._lock = threading.Lock()  # nodes may run in threads
        self.is_open = True
        atexit.register(self.abandon)
        self.send("start", pid=self._owner, started_ms=now_ms(), **start)

    def send(self, do: str, **fields: Any) -> None:
        """Tells the writer one thing to `do`; it is done later, in order."""
        line = json.dumps({"do": do, **fields}, default=str).encode() + b"\n"
        assert self._process.stdin is not None
        # a writer that is gone is told of by `end`, which finds no outcome
        with contextlib.suppress(BrokenPipeError), self._lock:
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def end(self, status: str, reason: str | None = None) -> Outcome:
        """Ends the run as FINISHED or FAILED, and waits until all of it is written."""
        self._close(status, reason)
        try:
            told, _ = self._process.communicate(timeout=FINISH_S)
        except subprocess.TimeoutExpired:
            return _lost(f"it is still writing after {FINISH_S:.0f} s, and goes on")
        try:
            return Outcome(**json.loads(told))
        except ValueError:
            return _lost(f"its writer ended early (exit {self._process.returncode})")

    def abandon(self) -> None:
        """Ends a run that was interrupted as KILLED, without waiting for the writer."""
        if self.is_open and os.getpid() == self._owner:
            self._close("KILLED", f"killed: {received() or 'the run was abandoned'}")
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _close(self, status: str, reason: str | None) -> None:
        self.send("end", status=status, reason=reason, ended_ms=now_ms())
        self.is_open = False
        atexit.unregister(self.abandon)


def _lost(why: str) -> Outcome:
    return Outcome(run_id=None, page="", aliases={}, errors=[why])


def now_ms() -> int:
    return time.time_ns() // 1_000_000
