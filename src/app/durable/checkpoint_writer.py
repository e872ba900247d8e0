"""Checkpoints off the hot path: a thread writes, the loop only copies its arrays.

There is one slot: a snapshot that comes while another is being written waits, and one that comes
while one waits takes its place, so that the newest is written and memory stays bounded. (CheckFreq,
FAST 2021, splits a checkpoint in the same two phases, snapshot and persist.)
"""

import threading
from collections import deque
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from app.durable.checkpoint import Checkpoints, Snapshot
from app.durable.journal import Journal
from app.durable.sealed import Head
from app.errors import SuperiorError


class CheckpointWriter:
    """Writes checkpoints in a thread of its own.

        with CheckpointWriter(checkpoints, journal) as writer:
            for step in range(start, steps):
                ...
                writer.submit(Snapshot({"iter": step + 1}, {"weights": weights}, {}))

    With a `journal`, the thread seals it before each checkpoint: what the journal was told before
    the snapshot is on disk before the checkpoint is, and the manifest holds its head.

    A write that failed is raised at the next `submit`, `flush` or `close`; then the writer goes on.
    No lock is held by the caller's thread, so an interrupt may strike at any point of it.
    """

    def __init__(self, checkpoints: Checkpoints, journal: Journal | None = None) -> None:
        self._checkpoints, self._journal = checkpoints, journal
        self._slot: deque[tuple[Snapshot, Head | None]] = deque(maxlen=1)
        self._asked: SimpleQueue[SimpleQueue[bool] | None] = SimpleQueue()
        self._failures: deque[Exception] = deque(maxlen=1)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def submit(self, snapshot: Snapshot, head: Head | None = None) -> None:
        """Copies the snapshot, to be written when the thread gets to it."""
        self._raise_failure()
        if self._closed:
            raise ValueError(f"the writer of {self._checkpoints.folder} is closed")
        self._slot.append((snapshot.copy(), head))
        self._asked.put(None)

    def flush(self) -> None:
        """Returns when the disk has the snapshot submitted last."""
        if not self._closed:
            answer: SimpleQueue[bool] = SimpleQueue()
            self._asked.put(answer)
            answer.get()
        self._raise_failure()

    def close(self) -> None:
        """Flushes and ends the thread. Closing again does nothing."""
        try:
            self.flush()
        finally:
            self._end()

    def newest(self) -> Path | None:
        """The newest file, once flushed: what is to be published."""
        self.flush()
        return self._checkpoints.newest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"the last checkpoint could not be written: {failure}")

    def _run(self) -> None:
        while True:
            asked = self._asked.get()
            if self._slot:
                self._write(*self._slot.popleft())
            if asked is not None:
                asked.put(True)
            elif self._closed:
                return

    def _write(self, snapshot: Snapshot, head: Head | None) -> None:
        try:
            self._checkpoints.save(snapshot, head or self._sealed())
        except Exception as error:
            self._failures.append(error)

    def _sealed(self) -> Head | None:
        if self._journal is None:
            return None
        try:
            return self._journal.seal()
        except OSError as error:
            raise SuperiorError(
                f"{self._journal.path} cannot be written: {error.strerror}; the checkpoints before "
                "are whole: once that is mended, the same command goes on from the newest"
            ) from error

    def _end(self) -> None:
        self._closed = True
        self._asked.put(None)
        self._thread.join()

    def _raise_failure(self) -> None:
        if self._failures:
            raise self._failures.popleft()
