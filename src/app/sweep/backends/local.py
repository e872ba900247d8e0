"""Runs on this machine, forked from a zygote."""

import contextlib
import os
import signal
from collections.abc import Sequence

import psutil

from app.sweep.forks import Exited
from app.sweep.job import Job, Task
from app.sweep.strays import working_on
from app.sweep.zygote import PATIENCE_S, Running, Told, Warm, Zygote


class LocalBackend:
    """See `Backend`. A zygote that was killed is replaced, and its runs are told as killed."""

    def __init__(self, task: Task, warm: Warm) -> None:
        self._task, self._get_warm = task, warm
        self._running: dict[str, Job] = {}
        self._pids: dict[str, int] = {}  # each leads a session
        self._families: list[str] = []
        self._is_warm = False
        self._zygote = Zygote(task, warm)

    def warm(self, families: Sequence[str]) -> None:
        new = [family for family in families if family not in self._families]
        if self._is_warm and not new:
            return
        self._is_warm = True
        self._families += new
        with contextlib.suppress(OSError):  # told by the next poll
            self._zygote.warm(families)

    def start(self, job: Job) -> None:
        self._running[job.run_id] = job
        with contextlib.suppress(OSError):  # told by the next poll
            self._zygote.start(job)

    def poll(self, timeout_s: float) -> list[Told]:
        try:
            told = self._zygote.poll(timeout_s)
        except EOFError:
            return self._replace()
        for event in told:
            if isinstance(event, Running):
                self._pids[event.run_id] = event.pid
            if isinstance(event, Exited):
                self._running.pop(event.run_id, None)
                self._pids.pop(event.run_id, None)
        return told

    def kill(self, run_id: str, signal_number: int) -> None:
        with contextlib.suppress(OSError):
            self._zygote.kill(run_id, signal_number)

    def close(self) -> None:
        # without runs, it may be importing still, and has nothing to end
        self._zygote.close(PATIENCE_S if self._pids else 0.2)
        if self._running:
            self._end_orphans()
        self._running.clear()

    def _replace(self) -> list[Told]:
        """After the zygote was killed: its runs are dead, what they started may not be."""
        self._zygote.close()
        self._end_orphans()
        lost: list[Told] = [
            Exited(job.run_id, job.attempt, None, signal.SIGKILL, 0.0, 0.0)
            for job in self._running.values()
        ]
        self._running.clear()
        self._zygote = Zygote(self._task, self._get_warm)
        self._zygote.warm(self._families)
        return lost

    def _end_orphans(self) -> None:
        """What runs had started when their zygote was killed."""
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._pids.clear()
        told = [(os.path.realpath(job.log), str(job.record)) for job in self._running.values()]
        for orphan in working_on(file for files in told for file in files):
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()
