"""Processes forked from this one: they inherit the function with all its data, and nothing but rows
of parameters, and their values, travels.

They are forked by the main thread before sampling begins. Where this process ends, however it
ends, the system ends them (Linux), or the end of their pipe does.
"""

import gc
import json
import mmap
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.evaluation import (
    Answer,
    Function,
    RowError,
    answer,
    joined,
    libraries,
    one_thread,
    pieces,
)

PR_SET_PDEATHSIG = 1
ROW_BYTES = 8


@dataclass(frozen=True)
class _Worker:
    number: int
    pid: int
    connection: Connection


class ForkedWorkers:
    """`count` forks of this process that evaluate `function`."""

    def __init__(self, function: Function, count: int) -> None:
        self._function, self._count = function, count
        self._workers: list[_Worker] = []
        self._rows = mmap.mmap(-1, ROW_BYTES * count)  # what each is at: for when it is killed
        self._libraries, self._system = libraries(), _system()  # looked up once, not by forks
        self._start()

    def values(self, theta: Array) -> Array:
        if not self._workers:  # an interrupted batch took them along
            self._start()
        try:
            return self._evaluated(np.ascontiguousarray(theta, dtype=np.float64))
        except BaseException:  # answers that nobody waits for would be taken for the next batch's
            self.close()
            raise

    def close(self) -> None:
        workers, self._workers = self._workers, []
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        for worker in workers:
            worker.connection.close()
            _reap(worker.pid)

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            while len(self._workers) < self._count:
                self._workers.append(self._forked(len(self._workers)))
        except BaseException:
            self.close()
            raise

    def _forked(self, number: int) -> _Worker:
        ours, theirs = Pipe(duplex=True)
        parent = os.getpid()
        try:
            with warnings.catch_warnings():
                # of threads at a fork: ours (heartbeat, checkpoints) hold no lock a worker takes
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                self._serve(number, theirs, [ours], parent)
        except BaseException:
            if os.getpid() != parent:
                os._exit(1)
            ours.close()  # a worker nobody knows of ends with its pipe
            raise
        finally:
            theirs.close()
        return _Worker(number, pid, ours)

    def _evaluated(self, theta: Array) -> Array:
        parts = pieces(len(theta), self._count)
        answers: list[Answer] = [Answer(None)] * len(parts)
        waiting = list(range(len(parts)))[::-1]
        at_work: dict[Connection, tuple[_Worker, int]] = {}
        idle = list(self._workers)
        while waiting or at_work:
            while waiting and idle:
                worker, part = idle.pop(), waiting.pop()
                at_work[worker.connection] = worker, part
                first, end = parts[part]
                self._ask(worker, theta[first:end], first)
            for connection in wait(list(at_work)):
                assert isinstance(connection, Connection)
                worker, part = at_work.pop(connection)
                answers[part] = self._answer(worker, parts[part][0])
                if answers[part].values is None:
                    return joined(answers[part : part + 1], parts[part : part + 1])
                idle.append(worker)
        return joined(answers, parts)

    def _ask(self, worker: _Worker, rows: Array, first: int) -> None:
        try:
            worker.connection.send_bytes(np.array(rows.shape, dtype=np.int64).tobytes())
            worker.connection.send_bytes(rows.tobytes())
        except OSError:
            raise self._lost(worker, first) from None

    def _answer(self, worker: _Worker, first: int) -> Answer:
        try:
            kind, content = worker.connection.recv_bytes(), worker.connection.recv_bytes()
        except (EOFError, OSError):
            raise self._lost(worker, first) from None
        if kind == b"values":
            return Answer(np.frombuffer(content))
        row, said = json.loads(content)
        return Answer(None, row, said)

    def _lost(self, worker: _Worker, first: int) -> RowError:
        status = _reap(worker.pid)
        self._workers = [one for one in self._workers if one is not worker]
        worker.connection.close()
        at = ROW_BYTES * worker.number
        row = int.from_bytes(self._rows[at : at + ROW_BYTES], sys.byteorder)
        return RowError(
            first + row,
            f"has no value: process {worker.pid}, one of {self._count} that evaluate it, "
            f"{_ended(status)}\n  SIGKILL mostly means that there was no memory left: try a "
            "smaller n_workers; any other signal, a fault in compiled code that it calls",
        )

    def _serve(
        self, number: int, connection: Connection, others: Sequence[Connection], parent: int
    ) -> NoReturn:
        """Answers until the pipe ends. Nothing of the parent's is unwound, flushed or closed here:
        its journal, its handlers and its threads are its own."""
        try:
            gc.freeze()
            _own_streams()
            for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(ignored, signal.SIG_IGN)  # the parent decides, and ends us
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            self._die_with(parent)
            for other in [*others, *(worker.connection for worker in self._workers)]:
                other.close()  # else no pipe would end with the parent
            at = np.frombuffer(self._rows, dtype=np.int64)[number : number + 1]
            with one_thread(self._libraries):
                while True:
                    self._answer_one(connection, at)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        os._exit(1)

    def _answer_one(self, connection: Connection, at: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        shape = np.frombuffer(connection.recv_bytes(), dtype=np.int64)
        theta = np.frombuffer(connection.recv_bytes()).reshape(shape)
        at[0] = -1

        def noted(vector: Array) -> Any:
            at[0] += 1
            return self._function(vector)

        found = answer(noted, theta)
        sys.stdout.flush()
        sys.stderr.flush()
        if found.values is not None:
            connection.send_bytes(b"values")
            connection.send_bytes(found.values.tobytes())
        else:
            connection.send_bytes(b"failed")
            connection.send_bytes(json.dumps([found.row, found.said]).encode())

    def _die_with(self, parent: int) -> None:
        """Asks the system to end this process when the thread that forked it ends."""
        if self._system is not None:
            self._system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


def _system() -> Any:
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _own_streams() -> None:
    """The parent's hold what it has not written yet, and maybe a lock of another thread's."""
    with suppress(OSError):  # closed: nobody reads
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _reap(pid: int) -> int | None:
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None


def _ended(status: int | None) -> str:
    if status is None:
        return "is gone"
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with exit code {os.waitstatus_to_exitcode(status)}"
