"""Runs as forked processes: started, looked at, limited, ended and waited for, by one owner."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.sweep.job import Job, Task, run_in_this_process
from app.sweep.limits import GB, Tree, kernel_oom_kills
from app.sweep.strays import children_of, files_of, session_of

LOOK_S = 0.02  # between looks at memory where there is a limit
LOOK_WITHOUT_LIMIT_S = 0.1


@dataclass(frozen=True)
class Exited:
    """How the process of a run ended, as its owner saw it."""

    run_id: str
    attempt: int
    exit_code: int | None  # None: by a signal
    signal: int | None
    cpu_s: float
    peak_gb: float
    reason: str = ""  # ram_limit: killed for its memory, by us or by the system
    folder: Path = Path()


class Forks:
    """The processes of runs, forked from this one."""

    def __init__(self, task: Task, private: Sequence[int] = ()) -> None:
        """`private` are descriptors that no run may have: who waits for the end of a pipe would
        wait for the runs too."""
        self._task, self._private = task, private
        self._jobs: dict[int, Job] = {}  # by pid
        self._trees: dict[int, Tree] = {}
        self._over: set[int] = set()  # killed for their memory
        self._oom_kills = kernel_oom_kills()
        self._looked = 0.0
        self.spared: set[int] = set()  # children of the owner that are its own business

    def start(self, job: Job) -> int:
        """Forks a process for the run; its pid, which is its session's too."""
        owner = os.getpid()
        if not self._jobs:
            self._oom_kills = kernel_oom_kills()  # what it ended before was none of ours
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for descriptor in self._private:
                os.close(descriptor)
            run_in_this_process(job, self._task, owner)
        self._jobs[pid], self._trees[pid] = job, Tree(pid)
        return pid

    def look(self) -> None:
        """Measures, and ends runs over their limit; cheap when called more often than needed."""
        limited = any(job.ram_limit_gb is not None for job in self._jobs.values())
        now = time.monotonic()
        if now - self._looked < (LOOK_S if limited else LOOK_WITHOUT_LIMIT_S):
            return
        self._looked = now
        self._look_at_strays()
        for pid, tree in self._trees.items():
            limit = (self._jobs[pid].ram_limit_gb or float("inf")) * GB
            if tree.look(limit) > limit:
                self._over.add(pid)
                tree.kill(signal.SIGKILL)

    def wait_s(self) -> float:
        """How long the owner may wait for other things before it looks again."""
        if not self._jobs:
            return 60.0
        limited = any(job.ram_limit_gb is not None for job in self._jobs.values())
        return LOOK_S if limited else LOOK_WITHOUT_LIMIT_S

    def usage(self) -> dict[str, float]:
        """run_id -> GB of its tree at the highest so far."""
        return {self._jobs[pid].run_id: tree.peak_bytes / GB for pid, tree in self._trees.items()}

    def reap(self) -> list[Exited]:
        """The runs that have ended since; whatever they started is ended too."""
        ended = []
        for pid in list(self._jobs):
            waited, status, used = os.wait4(pid, os.WNOHANG)
            if waited != pid:
                continue
            self._look_at_strays()
            job, tree = self._jobs.pop(pid), self._trees.pop(pid)
            tree.kill(signal.SIGKILL)
            killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            ended.append(
                Exited(
                    run_id=job.run_id,
                    attempt=job.attempt,
                    exit_code=None if killed else os.WEXITSTATUS(status),
                    signal=killed,
                    cpu_s=used.ru_utime + used.ru_stime,
                    peak_gb=(tree.peak_bytes or used.ru_maxrss * 1024) / GB,
                    reason="ram_limit" if self._was_for_memory(pid, killed) else "",
                    folder=job.folder,
                )
            )
        return ended

    def kill(self, run_id: str, signal_number: int) -> None:
        for pid, job in self._jobs.items():
            if job.run_id == run_id:
                if signal_number == signal.SIGTERM:
                    os.kill(pid, signal_number)  # it ends its own children in order
                else:
                    self._trees[pid].kill(signal_number)

    def close(self) -> None:
        """Ends all that runs, and waits for it."""
        self._look_at_strays()
        for tree in self._trees.values():
            tree.kill(signal.SIGKILL)
        for pid in list(self._jobs):
            os.waitpid(pid, 0)
        self._jobs.clear()
        self._trees.clear()
        self._look_at_strays()

    def _look_at_strays(self) -> None:
        """Processes that runs started and whose parents are gone are our children now (the owner
        is their subreaper): they belong to their run, and are ended when no run is left."""
        for pid in children_of(os.getpid()):
            if pid in self._jobs or pid in self.spared:
                continue
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG)[0] == pid:
                    continue
            run = self._run_of(pid)
            if run is not None:
                self._trees[run].adopt(pid)
            elif not self._jobs:
                Tree(pid).kill(signal.SIGKILL)

    def _run_of(self, pid: int) -> int | None:
        """The run that a process belongs to, as its session or its output tells."""
        session = session_of(pid)
        if session in self._jobs:
            return session
        told = set(files_of(pid))
        for run, job in self._jobs.items():
            its = {os.path.realpath(job.log), str(job.record)}
            if pid in self._trees[run].members or told & its:
                return run
        return None

    def _was_for_memory(self, pid: int, killed: int | None) -> bool:
        if pid in self._over:
            self._over.discard(pid)
            return True
        if killed != signal.SIGKILL:
            return False
        before, self._oom_kills = self._oom_kills, kernel_oom_kills()
        return self._oom_kills > before
