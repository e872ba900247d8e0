"""The launcher's side of a sweep's tracking: starts the writer process, and tells it to look.

    writer = SweepWriter(folder, tracking, project)
    writer.poke()                  # whenever the ledger has something new; never waits
    pages = writer.pages(20.0)     # run_id -> page, for the report
    outcome = writer.finish()      # after `stopped` and the report were written

The process (`app.tracking.sweep_writer`) follows the ledger by itself: nothing is sent to it but
wishes, of one byte each. It is in a session of its own and outlives the launcher, to mark the
sweep as killed. Nothing here imports MLflow, or raises for a failure of tracking.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.config.tracking import Tracking
from app.tracking.recording import FINISH_S, SRC, Outcome
from app.tracking.sweep_files import is_recorded, read_marker

LOOK, PAGES, FINISH = b"l", b"p", b"f"


class SweepWriter:
    """The writer of one sweep, started by the first `poke`."""

    def __init__(self, folder: Path, tracking: Tracking, project: Path) -> None:
        self._folder, self._tracking, self._project = folder.absolute(), tracking, project
        self._process: subprocess.Popen[bytes] | None = None
        self._told = b""

    def poke(self) -> None:
        """The ledger has something new."""
        self._ask(LOOK)

    def pages(self, timeout: float) -> dict[str, str]:
        """The pages of the runs that have ended, below the address of an MLflow server; none
        where MLflow does not have them in time. They are in `mlflow.json` too."""
        if self._process is None and (known := read_marker(self._folder).get("pages")):
            return dict(known)
        self._ask(PAGES)
        told = self._answer(timeout)
        return told["pages"] if told and "pages" in told else {}

    def finish(self, timeout: float = FINISH_S) -> Outcome:
        """Waits until MLflow has everything. Starts nothing where it had it before."""
        if self._process is None and is_recorded(self._folder, self._tracking, self._project):
            marker = read_marker(self._folder)
            return Outcome(marker["run_id"], marker["page"], {}, [])
        self._ask(FINISH)
        until = time.monotonic() + timeout
        while told := self._answer(until - time.monotonic()):
            if "pages" not in told:  # else an answer that came too late
                return Outcome(**told)
        assert self._process is not None
        if (code := self._process.poll()) is None:
            return _lost(f"it is still writing after {timeout:.0f} s, and goes on")
        return _lost(f"its writer ended early (exit {code}); `kedro mlflow-sync` mends it")

    def _ask(self, wish: bytes) -> None:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None
        # a writer that is gone is told of by `finish`; a full pipe holds wishes enough
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._process.stdin.fileno(), wish)

    def _start(self) -> "subprocess.Popen[bytes]":
        paths = [str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])]
        arguments = [str(self._project), str(self._folder), str(os.getpid())]
        process = subprocess.Popen(
            [sys.executable, "-m", "app.tracking.sweep_writer", "follow", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert process.stdin is not None
        process.stdin.write(
            self._tracking.model_dump_json().encode() + b"\n"
        )  # may hold a password
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _answer(self, timeout: float) -> dict[str, Any] | None:
        """The next line that the writer tells; None when it ended or the time is over."""
        assert self._process is not None
        assert self._process.stdout is not None
        until = time.monotonic() + timeout
        while b"\n" not in self._told:
            left = max(0.0, until - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                return None
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                self._process.wait()
                return None
            self._told += chunk
        line, _, self._told = self._told.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told


def _lost(why: str) -> Outcome:
    return Outcome(run_id=None, page="", aliases={}, errors=[why])
