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
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from app.durable.atomic import write_text
from app.durable.event_line import encoded
from app.durable.merkle import MerkleTree
from app.durable.sealed import SEAL, Event, Head, Problem, Seal, SealedBlocks, crcs, digits
from app.errors import InputError

BLOCK_EVENTS = 256
BUFFERED_NS = 100_000_000  # an event waits no longer in memory when another follows


class Journal:
    """A journal open for writing, by one process; any of its threads may append.

        with Journal(Path("run/journal.jsonl")) as journal:
            journal.append("candidate_done", candidate=3, loss=0.25)

    Opening cuts what a crash left half written: the events up to there stay. `append` returns when
    the operating system has the event (it survives the process), and with `durable=True` when the
    disk has it (it survives the machine).

    With `buffer_events` above 1, events of a burst wait in memory and reach the operating system
    together: when so many wait, when one comes `BUFFERED_NS` after the last ones went, at the end
    of a block, with `durable=True`, `flush`, `seal` and `close`. A kill may lose those that wait.

    An `append` that raises leaves no event; those that waited before it still wait.

    Raises:
        InputError: on opening, for a file whose sealed part was changed, or that another process
            has open for writing.
    """

    def __init__(
        self, path: Path, block_events: int = BLOCK_EVENTS, buffer_events: int = 1
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._block_events, self._buffer_events = path, block_events, buffer_events
        self._lock, self._sealing = threading.Lock(), threading.Lock()
        self._tree, self._sealed = MerkleTree(), 0  # the closed blocks, and the events in them
        self._open = bytearray()  # lines of the block not closed yet that the system has
        self._waiting = bytearray()  # those that only this process has
        self._crcs: list[int] = []  # of both
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._claim()
            self._resume()
        except BaseException:
            os.close(self._file)
            raise

    @property
    def events(self) -> int:
        """How many there are, those that wait in memory included."""
        return self._sealed + len(self._crcs)

    def append(self, event: str, *, durable: bool = False, **fields: Any) -> None:
        """Adds one event. Field values are JSON values, or NumPy's."""
        now = time_ns()
        line = encoded({"ts_ns": now, "event": event, **fields})
        with self._lock:
            waiting, crcs = self._waiting, self._crcs
            length, count = len(waiting), len(crcs)
            try:
                waiting += line
                crcs.append(crc32(line))
                if count < self._last and self._went_ns <= now < self._due_ns and not durable:
                    return
                self._pass_on()
            except BaseException:
                if self._waiting is waiting:  # it did not go
                    del waiting[length:], crcs[count:]
                raise
            if durable:
                os.fsync(self._file)

    def flush(self) -> None:
        """Returns when the operating system has every event."""
        with self._lock:
            self._pass_on()

    def seal(self) -> Head:
        """Closes the block of the events so far, flushes all to disk, and gives the head."""
        with self._sealing:
            with self._lock:
                if self._crcs:
                    self._seal()
                    self._went()
                head = Head(self._sealed, self._tree.root().hex())
            os.fsync(self._file)  # other threads go on appending
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
        self._tree, self._sealed = scan.tree, scan.events - len(scan.open)
        self._open, self._crcs = bytearray(b"".join(scan.open)), crcs(scan.open)
        self._went()
        if whole < len(content):
            os.ftruncate(self._file, whole)
            os.fsync(self._file)
        os.lseek(self._file, 0, os.SEEK_END)

    def _pass_on(self) -> None:
        """Gives the operating system what waits, with the seal where the block is full."""
        if len(self._crcs) >= self._block_events:
            self._seal()
        elif self._waiting:
            before = self._marked()
            try:
                self._write(bytes(self._waiting))
                self._open += self._waiting
                self._waiting = bytearray()
            except BaseException:
                self._go_back(*before)
                raise
        self._went()

    def _went(self) -> None:
        """From now on events may wait again, up to the number `_last` of the block."""
        self._last = min(len(self._crcs) + self._buffer_events, self._block_events) - 1
        self._went_ns = time_ns()
        self._due_ns = self._went_ns + BUFFERED_NS

    def _seal(self) -> None:
        tree, events = deepcopy(self._tree), self.events  # grown for good when the seal is written
        tree.add(bytes(self._open + self._waiting))
        seal = Seal(seal=tree.leaves, events=events, crc=digits(self._crcs), root=tree.root().hex())
        before = self._marked()
        try:
            self._write(bytes(self._waiting) + seal.model_dump_json().encode() + b"\n")
            self._tree, self._sealed = tree, events
            self._open, self._waiting, self._crcs = bytearray(), bytearray(), []
        except BaseException:
            self._go_back(*before)
            raise

    def _write(self, line: bytes) -> None:
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])

    def _marked(self) -> tuple[int, int, tuple[Any, ...]]:
        """Where `_go_back` goes: the end of the file, the lines it has of the open block, and what
        is counted."""
        counted = self._tree, self._sealed, self._open, self._waiting, self._crcs
        return os.lseek(self._file, 0, os.SEEK_CUR), len(self._open), counted

    def _go_back(self, end: int, length: int, counted: tuple[Any, ...]) -> None:
        """What is on disk and what is counted stay the same: on a full disk, or an interrupt
        between the two, nothing is left to glue the next line to. (No context manager: an interrupt
        as it is left would have it go back later, over events that came since.)"""
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        self._tree, self._sealed, self._open, self._waiting, self._crcs = counted
        del self._open[length:]


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
