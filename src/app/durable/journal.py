"""An append-only journal: every event kept, none changed unseen, a torn tail cut on opening.

One JSON object a line: `ts_ns` (wall clock), `event`, and its fields. Events are sealed in blocks:
a line `{"seal": ...}` closes a block with its leaf hash, the CRC-32 of each of its events and the
root of the Merkle tree over all leaves so far (SHA-256, leaf and node prefixes of RFC 6962). The
head, (events, root), is also kept outside: in `<name>.head` beside the file, and wherever the
owner of the journal writes it (a checkpoint manifest, an MLflow tag). Who rewrites a journal,
seals and all, still cannot make it fit a head that was written elsewhere.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.durable.atomic import write_text
from app.durable.sealed import SEAL, Event, Head, Problem, SealedBlocks, crc
from app.errors import InputError

BLOCK_EVENTS = 256


class Journal:
    """A journal open for writing, by one process.

        with Journal(Path("run/journal.jsonl")) as journal:
            journal.append("candidate_done", candidate=3, loss=0.25)

    Opening cuts what a crash left half written: the events up to there stay. `append` returns when
    the operating system has the event (it survives the process), and with `durable=True` when the
    disk has it (it survives the machine).

    Raises:
        InputError: on opening, for a file whose sealed part was changed, or that another process
            has open for writing.
    """

    def __init__(self, path: Path, block_events: int = BLOCK_EVENTS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._block_events = path, block_events
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._claim()
            self._resume()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, event: str, *, durable: bool = False, **fields: Any) -> None:
        """Adds one event. Field values are JSON values."""
        record = {"ts_ns": time.time_ns(), "event": event, **fields}
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            with self._all_or_nothing():
                self._write(line)
                self._open.append(line)
                self.events += 1
            if len(self._open) >= self._block_events:
                self._seal()
            if durable:
                os.fsync(self._file)

    def seal(self) -> Head:
        """Closes the block of the events so far, flushes all to disk, and gives the head."""
        with self._lock:
            if self._open:
                self._seal()
            os.fsync(self._file)
            head = Head(self.events, self._tree.root().hex())
        write_text(_head_file(self.path), head.line())
        return head

    def close(self) -> Head:
        """Seals and closes the file; it is closed, and free for others, even when sealing fails."""
        try:
            return self.seal()
        finally:
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{self.path} is being written by another process; one journal has one writer"
            ) from None

    def _resume(self) -> None:
        """Reads what is there, cuts a torn tail, and stands ready to append."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        scan = SealedBlocks()
        scan.read(content[:whole])
        if scan.problems:
            raise InputError(
                f"{self.path}: {scan.problems[0].text}; nothing is appended to a journal that "
                "was changed (`kedro verify` names every change)"
            )
        self._tree, self._open, self.events = scan.tree, scan.open, scan.events
        if whole < len(content):
            os.ftruncate(self._file, whole)
            os.fsync(self._file)
        os.lseek(self._file, 0, os.SEEK_END)

    def _seal(self) -> None:
        tree = deepcopy(self._tree)  # grown for good only when the seal is written
        tree.add(b"".join(self._open))
        seal = {
            "seal": tree.leaves,
            "events": self.events,
            "crc": "".join(map(crc, self._open)),
            "root": tree.root().hex(),
        }
        with self._all_or_nothing():
            self._write(json.dumps(seal, separators=(",", ":")).encode() + b"\n")
            self._tree, self._open = tree, []

    def _write(self, line: bytes) -> None:
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """What is on disk and what is counted stay the same: on a full disk, or an interrupt
        between the two, nothing is left to glue the next line to."""
        start = os.lseek(self._file, 0, os.SEEK_CUR)
        tree, unsealed, length, events = self._tree, self._open, len(self._open), self.events
        try:
            yield
        except BaseException:
            os.ftruncate(self._file, start)
            os.lseek(self._file, start, os.SEEK_SET)
            self._tree, self._open, self.events = tree, unsealed[:length], events
            raise


def read_events(path: Path) -> Iterator[Event]:
    """The events of a journal in order, as far as they are whole; it may be open elsewhere."""
    with path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            if not line.startswith(SEAL):
                yield json.loads(line)


def verify(path: Path, heads: list[Head] | None = None) -> list[Problem]:
    """Every change made to a journal since it was written; none is an empty list.

    `heads` are those that were kept elsewhere; the one in the sidecar file is used too.
    """
    scan = SealedBlocks()
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    scan.read(content[:whole])
    if whole < len(content):
        scan.found("torn", scan.events + 1, "the last line is half written (a crash; cut on open)")
    sidecar = _head_file(path)
    known = [Head.of(sidecar.read_text(encoding="utf-8"))] if sidecar.exists() else []
    for head in [*(heads or []), *known]:
        scan.compare(head)
    return scan.problems


def _head_file(path: Path) -> Path:
    return path.with_name(path.name + ".head")
