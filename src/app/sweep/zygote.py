"""The zygote: a process that has imported what runs need, and forks one for each of them.

A fork of it costs milliseconds where a fresh process would import for seconds. It starts no
threads, since a fork takes only the thread that forks. When its owner ends, however it ends, the
zygote ends every run, and all that runs started, then itself; when the zygote is killed, the
system ends its runs (`job._die_with`).
"""

import contextlib
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import NoReturn

from app.errors import SweepError
from app.sweep.forks import Exited, Forks
from app.sweep.job import Job, Task
from app.sweep.learning import Imports, running_threads

TELL_S = 0.25  # between tellings of memory
PATIENCE_S = 10.0  # with the end of all that runs started
# jemalloc restarts its thread after a fork; polars' removes files that no run of ours makes
IDLE_THREADS = ("jemalloc_bg_thd", "polars-ooc-clea")
PR_SET_CHILD_SUBREAPER = 36
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Running:
    """A run's process exists."""

    run_id: str
    attempt: int
    host: str
    pid: int
    process_started: float


@dataclass(frozen=True)
class Usage:
    """run_id -> GB, the highest so far, of the runs that run."""

    ram_gb: dict[str, float]


@dataclass(frozen=True)
class Unfit:
    """Why no run may be forked from this zygote."""

    reason: str


Warm = Callable[[Sequence[str]], None]
Told = Running | Exited | Usage


class Zygote:
    """The owner's side: what it is told to do, and what it tells."""

    def __init__(self, task: Task, warm: Warm) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        ours, theirs = Pipe(duplex=True)
        self.owner = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _serve(theirs, task, warm, self.owner)
        theirs.close()
        self.connection = ours

    def warm(self, families: Sequence[str]) -> None:
        """Gets ready for runs of these families, before it does what it is told next."""
        self.connection.send(("warm", list(families)))

    def start(self, job: Job) -> None:
        self.connection.send(("start", job))

    def kill(self, run_id: str, signal_number: int) -> None:
        self.connection.send(("kill", (run_id, signal_number)))

    def poll(self, timeout_s: float) -> list[Told]:
        """What it tells within that time: at once when there is something.

        Raises:
            EOFError: the zygote is no more, and so are its runs.
            SweepError: getting ready failed, or started threads, which no fork would have.
        """
        told: list[Told] = []
        wait = timeout_s
        while self.connection.poll(wait):
            try:
                event = self.connection.recv()
            except (EOFError, OSError) as error:
                if told:  # the end is met again by the next call
                    return told
                raise EOFError from error
            if isinstance(event, Unfit):
                raise SweepError(event.reason)
            told.append(event)
            wait = 0
        return told

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Ends it with every run it has; by force when it does not end within that time."""
        with contextlib.suppress(OSError):
            self.connection.close()
        until = time.monotonic() + patience_s
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self.pid, os.WNOHANG)[0] != self.pid:
                if time.monotonic() > until:
                    os.kill(self.pid, signal.SIGKILL)
                    os.waitpid(self.pid, 0)
                    return
                time.sleep(0.001)


def _serve(connection: Connection, task: Task, warm: Warm, owner: int) -> NoReturn:
    code, keep = 0, connection.fileno()
    try:
        os.setsid()  # Ctrl-C is for the owner, who ends us in order
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(3, keep)  # locks and pipes of the owner are its own
        os.closerange(keep + 1, 4096)
        for name in THREADS:
            os.environ[name] = "1"
        adopt_strays()
        _loop(connection, task, warm, owner)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    os._exit(code)


def adopt_strays() -> None:
    """Asks the system to make processes that runs leave behind children of this process."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _loop(connection: Connection, task: Task, warm: Warm, owner: int) -> None:
    woken, wake = os.pipe()
    forks = Forks(task, private=(connection.fileno(), woken, wake))
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told, last_told, imports = connection.fileno(), 0.0, Imports()
    forks.spared = imports.trials
    try:
        while True:
            ready, _, _ = select.select([told, woken], [], [], forks.wait_s())
            if woken in ready:
                os.read(woken, 4096)
            if told in ready and not _obey(connection, forks, warm, owner):
                return
            forks.look()
            for exited in forks.reap():
                connection.send(exited)
                imports.learn(exited.folder)
            if imports.advance(IDLE_THREADS):
                _settle()
            if time.monotonic() - last_told > TELL_S and (usage := forks.usage()):
                last_told = time.monotonic()
                connection.send(Usage(usage))
    except (EOFError, ConnectionError):
        pass
    finally:
        imports.close()
        forks.close()


def _settle() -> None:
    gc.collect()
    gc.freeze()  # forks share these pages as long as nobody writes to them


def _obey(connection: Connection, forks: Forks, warm: Warm, owner: int) -> bool:
    """Does one thing it is told; False when the owner is gone."""
    from app.durable.process import ProcessId

    try:
        do, what = connection.recv()
    except (EOFError, ConnectionError):
        return False
    if os.getppid() != owner:  # what it still wanted is done by who takes over
        return False
    if do == "warm":
        try:
            warm(what)
        except Exception as error:
            connection.send(Unfit(f"getting ready for runs failed: {error!r}"))
            raise
        _settle()
        if threads := running_threads(IDLE_THREADS):
            connection.send(Unfit(f"what runs are forked from started threads: {threads}"))
    elif do == "kill":
        forks.kill(*what)
    elif do == "start":
        pid = forks.start(what)
        process = ProcessId.of(pid)
        assert process is not None  # not waited for yet
        connection.send(Running(what.run_id, what.attempt, process.host, pid, process.started))
    return True
