"""A backend as a test uses it."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from app.sweep.backends import Backend
from app.sweep.forks import Exited
from app.sweep.job import Job
from app.sweep.outcome import Outcome, read_outcome
from app.sweep.zygote import Running, Told

PATIENCE_S = 60


class Bench:
    """A backend, and what it told."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.backend, self.folder = backend, folder
        self.running: dict[str, Running] = {}
        self.exited: dict[str, Exited] = {}

    def start(self, run_id: str, do: str, limit: float | None = None, **told: Any) -> Job:
        job = Job(
            run_id=run_id,
            attempt=1,
            folder=self.folder / "runs" / run_id,
            log=self.folder / "logs" / f"run_{run_id}.log",
            config=json.dumps({"do": do, **told}).encode(),
            ram_gb=0.2,
            ram_limit_gb=limit,
            environment={"SUPERIOR_TEST": f"of {run_id}"},
        )
        self.backend.start(job)
        return job

    def poll(self) -> list[Told]:
        told = self.backend.poll(0.1)
        for event in told:
            if isinstance(event, Running):
                assert event.run_id not in self.running, "told twice"
                self.running[event.run_id] = event
            elif isinstance(event, Exited):
                assert event.run_id not in self.exited, "told twice"
                self.exited[event.run_id] = event
        return told

    def wait(self, is_there: Callable[[], Any]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not is_there():
            assert time.monotonic() < until, f"running {self.running}, exited {self.exited}"
            self.poll()

    def end_of(self, job: Job) -> tuple[Exited, Outcome | None]:
        self.wait(lambda: job.run_id in self.exited)
        return self.exited[job.run_id], read_outcome(job.folder, job.run_id, job.attempt)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes, besides this one, whose command line names a file in `folder`."""
    return [process for process in psutil.process_iter() if _works_on(process, folder)]


def _works_on(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.pid != os.getpid() and any(str(folder) in it for it in process.cmdline())
    except psutil.Error:
        return False
