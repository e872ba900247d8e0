"""How an attempt ended: from what its process left, what its owner saw, and why it was ended."""

import os
import signal
from pathlib import Path

from app.sweep.forks import Exited
from app.sweep.outcome import OOM_EXIT, UNTOLD_EXIT, Outcome


def status_of(
    told: Exited, outcome: Outcome | None, asked: str, folder: Path, log: Path
) -> tuple[str, str]:
    """The status of an attempt, and its error in one line."""
    if outcome is not None and outcome.status == "ok":  # written last: the run was done
        return "ok", ""
    if told.reason == "ram_limit":
        return "oom", "killed: its processes held more memory than allowed"
    if asked == "timeout":
        return "timeout", "ended: it took longer than scheduler.run_timeout"
    if asked == "stop":
        return "interrupted", ""
    if told.exit_code == OOM_EXIT or (told.signal == signal.SIGABRT and _ran_out(log)):
        return "oom", outcome.error if outcome else "out of memory"
    number = told.signal or (told.exit_code or 0) - 128  # as `interruptible` ends a run
    if outcome is None and number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        return "killed", f"killed from outside ({signal.Signals(number).name})"
    if outcome is not None:
        return "failed", outcome.error
    if told.exit_code == UNTOLD_EXIT:
        return "failed", f"it could not write its log or its outcome: is there room for {folder}?"
    ended = f"by {signal.Signals(told.signal).name}" if told.signal else f"with {told.exit_code}"
    last = _tail(log).strip().rpartition("\n")[2][:300]
    return "failed", f"the process ended {ended}" + (f"; its last words: {last}" if last else "")


def _ran_out(log: Path) -> bool:
    """Whether a library aborted because an allocation failed: it can only print."""
    tail = _tail(log)
    return "memory allocation of" in tail or "bad_alloc" in tail


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as lines:
            lines.seek(max(os.fstat(lines.fileno()).st_size - 2000, 0))
            return lines.read().decode(errors="replace")
    except OSError:
        return ""
