"""One run on another machine: what the scheduler there starts, and what that starts.

The scheduler calls `launch` in a process of its own, which may have threads and handlers. That
starts a fresh process, whose only business is one run: it forks it, limits and ends it with the
means of this machine's runs (`Forks`), does what the supervisor asks, and tells how it ended. It
ends with `launch`, and `launch` with the scheduler's job.
"""

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from app.durable.process import ProcessId
from app.sweep.backends.attempt import Attempt, fields_of, lost, running_of
from app.sweep.backends.lease import LeaseWatch
from app.sweep.forks import Forks
from app.sweep.job import Job, Task
from app.sweep.strays import files_of
from app.sweep.zygote import THREADS, adopt_strays

LOOK_S = 0.25  # between looks at what is asked
LEASE_LOOK_S = 2.0  # between looks at the lease, or a tenth of it
TOLD_GROWTH = 1.05  # of memory, before it is told again


def launch(folder: str) -> None:
    """Carries out the attempt whose files are in `folder`; called by the scheduler's process."""
    attempt = Attempt(Path(folder))
    start = attempt.start()
    if start is None:
        return
    if attempt.told():  # a scheduler began it again after the loss of a machine: not its business
        attempt.tell("exited", **fields_of(lost(start["run_id"], start["attempt"])))
        return
    environment = {**start["environment"], **os.environ}
    environment["PYTHONPATH"] = start["environment"]["PYTHONPATH"]
    environment |= dict.fromkeys(THREADS, "1")
    with subprocess.Popen(
        [sys.executable, "-m", "app.sweep.backends.remote", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=start["working_dir"],
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdout.read()  # it prints nothing: until it has ended
        finally:
            process.stdin.close()  # it ends its run, and itself
            process.stdout.read()
    _end_what_is_left(Attempt(attempt.folder), start)


def _end_what_is_left(attempt: Attempt, start: dict[str, Any]) -> None:
    """After the process for the run was killed: the run is dead, what it started may not be."""
    told = {line["what"]: line for line in attempt.told()}
    if "exited" in told:
        return
    for pid in psutil.pids():
        if start["record"] in files_of(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    if "running" in told:  # what it forked and did not execute
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(told["running"]["pid"], signal.SIGKILL)
    attempt.tell("exited", **fields_of(lost(start["run_id"], start["attempt"])))


class Runner:
    """The process whose only business is one run."""

    def __init__(self, folder: str) -> None:
        self.attempt = Attempt(Path(folder))
        start = self.attempt.start()
        assert start is not None
        self.start = start
        self.lease = LeaseWatch(self.attempt, start["supervisor"], start["lease_s"])
        self._done = 0  # of what was asked
        self._next_look = self._next_lease = 0.0
        self._told_gb = 0.0

    def run(self) -> None:
        """Carries the run out, and tells how it ended."""
        woken, wake = _woken_by_children()
        adopt_strays()
        process = ProcessId.of(os.getpid())
        assert process is not None
        self.attempt.tell("claimed", host=process.host, pid=process.pid, started=process.started)
        # only after our claim can be seen: a supervisor that ends this attempt asks, or takes the
        # lease, and then looks for a claim
        if self.lease.is_over() or self.attempt.asked():
            self._tell_lost()
            return
        job, task = self.attempt.take_job()
        forks = Forks(partial(_unpack_and_call, task), private=(woken, wake))
        signal.signal(signal.SIGTERM, lambda number, _: forks.kill(job.run_id, number))
        pid = forks.start(job)
        child = ProcessId.of(pid)
        assert child is not None  # not waited for yet
        self.attempt.tell("running", **fields_of(running_of(self.start, child)))
        while True:
            waited_for = min(forks.wait_s(), LOOK_S)
            ready, _, _ = select.select([0, woken], [], [], waited_for)
            if woken in ready:
                os.read(woken, 4096)
            forks.look()
            for exited in forks.reap():
                forks.close()  # what it started and left behind
                self.attempt.tell("exited", **fields_of(exited))
                return
            if 0 in ready:  # the scheduler's process is no more
                forks.close()
                self._tell_lost()
                return
            self._obey(forks)

    def _obey(self, forks: Forks) -> None:
        """Does what is asked; ends a run whose supervisor is not seen any more."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        asked = self.attempt.asked()
        for number in asked[self._done :]:
            forks.kill(self.start["run_id"], number)
        self._done = max(self._done, len(asked))
        for gb in forks.usage().values():
            if gb > TOLD_GROWTH * self._told_gb:
                self._told_gb = gb
                self.attempt.tell("usage", gb=gb)
        if now >= self._next_lease:
            self._next_lease = now + min(LEASE_LOOK_S, self.start["lease_s"] / 10)
            if self.lease.is_over():
                forks.kill(self.start["run_id"], signal.SIGKILL)

    def _tell_lost(self) -> None:
        end = lost(self.start["run_id"], self.start["attempt"])
        self.attempt.tell("exited", **fields_of(end))


def _unpack_and_call(task: bytes, job: Job) -> tuple[Any, str]:
    """In the run's process, where an import that fails is the run's failure, told as such."""
    unpacked: Task = pickle.loads(task)
    return unpacked(job)


def _woken_by_children() -> tuple[int, int]:
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor ends us in order
    return woken, wake


if __name__ == "__main__":
    # nobody's child: Ray kills the children of a process it ends, and what our run has started
    # would be left
    if os.fork() == 0:
        Runner(sys.argv[1]).run()
    os._exit(0)
