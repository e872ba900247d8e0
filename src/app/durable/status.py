"""`status.json`: where a run is, for other programs and for people, replaced whole while it runs.

It is written without waiting for the disk: after a power cut the journal tells more. Whether the
run still lives is the reader's to find out: a process that was killed cannot say so (`state_now`).
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from app.config.base import Group
from app.durable.process import ProcessId
from app.errors import InputError

STATUS = "status.json"

State = Literal["running", "finished", "stopped", "failed", "deadline"]


class Status(Group):
    """The content of `status.json`. Times are UTC; what is not known yet is null."""

    run: str  # its name
    run_id: str  # the same through every process of the run
    study: str
    pid: int
    process_started: float  # seconds since 1970: with pid and host, one process and no other
    host: str
    state: State  # finished: every phase is done; stopped: in order, with phases left
    phase: str  # at work, or the last that was
    percent: float = Field(ge=0.0, le=100.0)  # of all phases by their cost
    phase_percent: float = Field(ge=0.0, le=100.0)
    cursor: dict[str, int | float | str]  # where the loop of the phase is
    eta_s: float | None  # until the run has ended
    speed: float | None  # units per second, over the last seconds
    unit: str  # what is counted; "" where nothing is
    rss_mb: float  # resident memory of the process
    spent_s: float  # of the budget, earlier processes included
    budget_s: float | None  # null: none
    budget_left_s: float | None
    started: datetime  # this process
    updated: datetime
    ended: datetime | None


def write_status(path: Path, status: Status) -> None:
    """Replaces the file; a reader finds the old one or the new one."""
    partial = path.with_name(f".{path.name}.partial")  # one process writes a folder
    partial.write_text(status.model_dump_json(indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


def read_status(path: Path) -> Status:
    """What the file says.

    Raises:
        InputError: it is absent, or no status.
    """
    try:
        return Status.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path} is no status of a run: {where}: {first['msg']}") from error


def state_now(status: Status) -> State | Literal["killed"]:
    """The state, or `killed` for a run whose process is gone though its status says running."""
    process = ProcessId(status.host, status.pid, status.process_started)
    return "killed" if status.state == "running" and process.is_gone() else status.state


def now() -> datetime:
    return datetime.now(UTC)
