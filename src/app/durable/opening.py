"""What a study does before its durable run is at work: its budget, an earlier run of its name, what
there is to work with."""

import os
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from app.config.budget import Budget
from app.config.durations import deadline_at, seconds_of
from app.durable.governor import Governor
from app.durable.run import JOURNAL, DurableRun

LOCKS = (".lock", ".writer")  # of the folder itself


def governor_of(budget: Budget, reserve: Mapping[str, float]) -> Governor:
    """The governor of a process that has run since it was started. `reserve`: phase -> seconds
    kept back for it at least."""
    return Governor(
        seconds_of(budget.total) if budget.total else None,
        reserve,
        {name: seconds_of(most) for name, most in budget.phases.items()},
        spent_s=process_age_s(),
        reserve_s=seconds_of(budget.reserve) if budget.reserve else 0.0,
        until_s=_until(budget.deadline),
    )


def process_age_s() -> float:
    """Seconds since this process began. The clock that starts of processes are told by is wrong
    by up to a second."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def move_aside(folder: Path) -> None:
    """An earlier run of this name is kept, under the time of its last change; the lock on the
    folder stays."""
    journal = folder / JOURNAL
    if not journal.is_file():
        return
    at = datetime.fromtimestamp(journal.stat().st_mtime)
    aside = folder.with_name(f"{folder.name}.{at:%Y%m%d-%H%M%S}")
    aside.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in LOCKS:
            path.rename(aside / path.name)


def tell_preflight(run: DurableRun, **fields: Any) -> None:
    """What the run has to work with; what it needs was refused before, where it was absent."""
    run.event("PREFLIGHT_START", **fields)
    run.event(
        "PREFLIGHT_OK",
        disk_free_mb=round(shutil.disk_usage(run.folder).free / 1e6),
        memory_free_mb=round(psutil.virtual_memory().available / 1e6),
        processors=os.cpu_count(),
    )


def undone_phase(run: DurableRun) -> str:
    """The first phase that is not done."""
    return next(name for name, done in run.progress.fractions.items() if done < 1.0)


def _until(deadline: str | None) -> float | None:
    if deadline is None:
        return None
    at = deadline_at(deadline, datetime.now(UTC))
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)
