"""A corpus read by one process or several: the same batches, in the same order."""

import marshal
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from typing import IO, Any

from app import errors
from app.datasets.corpora.rows import Batch
from app.datasets.corpora.source import Source
from app.datasets.corpora.tasks import Ends, Task, TaskReader, tasks
from app.datasets.corpora.worker import LENGTH
from app.errors import SuperiorError

AHEAD = 4  # messages a worker may be ahead of the reader: what parallel reading costs in memory


def batches(source: Source, tokenizer: str, workers: int) -> Iterator[Batch]:
    """Every batch of a corpus, in the order of its documents.

    Raises:
        InputError: a file is absent, empty, hostile, or no TEI.
    """
    planned = list(tasks(source))
    reader = TaskReader(source, tokenizer)
    processes = min(workers, len(planned))
    if processes <= 1:
        yield from _one_process(planned, reader)
        return
    with ExitStack() as stack:
        pool = [
            stack.enter_context(closing(_Worker(source, tokenizer, share, processes)))
            for share in range(processes)
        ]
        expected = 0
        for number, task in enumerate(planned):
            parts = pool[number % processes].answers()
            if task.start is None:
                yield from (part for part in parts if isinstance(part, Batch))
            else:
                expected = yield from _checked(task, list(parts), reader, expected)


def _one_process(planned: list[Task], reader: TaskReader) -> Iterator[Batch]:
    exact: int | None = None
    for task in planned:
        exact = exact if task.start else None  # a first range finds its own beginning
        for part in reader.read(task, exact):
            if isinstance(part, Batch):
                yield part
            else:
                exact = part.end


def _checked(
    task: Task, parts: list[Batch | Ends], reader: TaskReader, expected: int
) -> Generator[Batch, None, int]:
    """A range's batches if it began where the one before ended; else it is read again from there.

    Returns where it ended.
    """
    ends = parts[-1]
    assert isinstance(ends, Ends)
    in_range = task.stop is None or expected < task.stop
    if task.start and in_range and ends.start != expected:
        parts = list(reader.read(task, expected))
        ends = parts[-1]
        assert isinstance(ends, Ends)
    elif task.start and not in_range:  # a document of an earlier range reaches beyond this one
        parts, ends = [], Ends(None, expected)
    yield from (part for part in parts if isinstance(part, Batch))
    return ends.end


class _Worker:
    """A process and the thread that takes its answers in, at most `AHEAD` messages."""

    def __init__(self, source: Source, tokenizer: str, share: int, of: int) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.datasets.corpora.worker"],  # -P: only `paths`
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        assert self._process.stdin is not None
        marshal.dump((tuple(source), tokenizer, share, of), self._process.stdin)
        self._process.stdin.close()
        self._queue: queue.Queue[tuple[Any, ...]] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._take_in, daemon=True)
        self._thread.start()

    def answers(self) -> Iterator[Batch | Ends]:
        """The parts of this worker's next task."""
        while True:
            kind, *said = self._queue.get()
            if kind == "batch":
                yield Batch(*said)
            elif kind == "ends":
                yield Ends(*said)
            elif kind == "done":
                return
            else:
                raise getattr(errors, said[0], SuperiorError)(said[1])

    def close(self) -> None:
        """Ends the process and the thread, whatever they are doing."""
        self._process.kill()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.01)
            except queue.Empty:
                continue
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait()

    def _take_in(self) -> None:
        out = self._process.stdout
        assert out is not None
        while message := _message(out):
            self._queue.put(message)
            del message  # or it is held until the next one has come
        code = self._process.wait()
        self._queue.put(("error", "SuperiorError", _ended(code)))


def _message(out: IO[bytes]) -> tuple[Any, ...] | None:
    """The next message; None: there is none, or the process was killed while it wrote."""
    head = out.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    data = out.read(LENGTH.unpack(head)[0])
    try:
        message: tuple[Any, ...] = marshal.loads(data)
    except (EOFError, ValueError, TypeError):
        return None
    return message


def _ended(code: int) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"a process reading the corpus {how}; try hardware.workers=1"
