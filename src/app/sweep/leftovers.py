"""Processes that a killed sweep left behind: ended before anything is started again."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from app.durable.process import ProcessId
from app.errors import SweepError
from app.sweep.ledger import RunState
from app.sweep.strays import working_on

PATIENCE_S = 10.0


def end_leftovers(runs: Iterable[RunState], folder: Path) -> int:
    """Ends the runs of this ledger that still run on this host, and all that they started.

    A run's process is known by pid and start; what it started, by the log it writes to or by
    SUPERIOR_RECORD, which are below the sweep's `folder`. Returns how many were found.

    Raises:
        SweepError: one does not end.
    """
    found: set[psutil.Process] = set()
    for run in runs:
        if run.status != "running" or not run.pid:
            continue
        process = ProcessId(run.host, run.pid, run.process_started)
        if process.host == os.uname().nodename and not process.is_gone():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(run.pid, signal.SIGKILL)
            with contextlib.suppress(psutil.NoSuchProcess):
                found.add(psutil.Process(run.pid))
    places = {folder, folder.resolve()}
    found |= working_on(f"{place / name}{os.sep}" for place in places for name in ("logs", "runs"))
    for left in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()
    until = time.monotonic() + PATIENCE_S
    while any(_is_there(left) for left in found):
        if time.monotonic() > until:
            raise SweepError(
                f"processes of an earlier command do not end: {', '.join(map(str, found))}"
            )
        time.sleep(0.02)
    return len(found)


def _is_there(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
