"""`record.jsonl`: what a run of a sweep told tracking, kept in the run's folder.

A run of a sweep starts no writer and imports no MLflow. Its messages, those of
`recording.Recording`, go to the file that SUPERIOR_RECORD names, one JSON line each; the sweep
reads the scores from it, and its one writer replays it into MLflow (`app.tracking.sweep`). Paths
in the run's folder are kept relative to it, so that a project that was moved still syncs.
"""

import atexit
import hashlib
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.durable.interrupt import received
from app.tracking.recording import Outcome, now_ms

RECORD = "SUPERIOR_RECORD"  # the environment variable
PATHS = {
    "artifact": "path",
    "model": "folder",
    "checkpoint": "folder",
}  # the field of a message that is a path

_begun: set[tuple[int, Path]] = set()  # files that this process writes: its sections follow


class RecordFile:
    """One run's messages being written, with the surface of a `Recording`."""

    def __init__(self, path: Path, **start: Any) -> None:
        """`start` is the first message. What an earlier process left in the file is replaced; a
        process with several runs (`dataset.merge_mode=separate`) appends a section for each."""
        self._path, self._owner = path.absolute(), os.getpid()
        self._lock = threading.Lock()  # nodes may run in threads
        self._errors: list[str] = []
        self.is_open = True
        begun = (self._owner, self._path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab" if begun in _begun else "wb")
        _begun.add(begun)
        atexit.register(self.abandon)
        self.send("start", pid=self._owner, started_ms=now_ms(), **start)

    def send(self, do: str, **fields: Any) -> None:
        """Adds one message. After a failure no more are written: `end` tells it."""
        if path := PATHS.get(do):
            fields[path] = self._relative(Path(fields[path]))
        line = json.dumps({"do": do, **fields}, default=str).encode() + b"\n"
        with self._lock:
            if self._errors:
                return
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                self._errors.append(f"{self._path}: {error.strerror}")

    def end(self, status: str, reason: str | None = None) -> Outcome:
        """Ends the run as FINISHED or FAILED; the file is on the disk when it returns."""
        self.send("end", status=status, reason=reason, ended_ms=now_ms())
        try:
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            self._errors.append(f"{self._path}: {error.strerror}")
        self.is_open = False
        atexit.unregister(self.abandon)
        return Outcome(run_id=None, page="", aliases={}, errors=self._errors)

    def abandon(self) -> None:
        """Ends a run that was interrupted."""
        if self.is_open and os.getpid() == self._owner:
            self.end("KILLED", f"killed: {received() or 'the run was abandoned'}")

    def _relative(self, path: Path) -> str:
        folder = self._path.parent
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


@dataclass
class Section:
    """One Kedro run of a record: its `start`, and what came after."""

    start: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)

    def scores(self) -> dict[str, dict[str, float]]:
        """model -> name -> score."""
        return {told["model"]: told["values"] for told in self.messages if told["do"] == "metrics"}


def read_record(path: Path) -> list[Section]:
    """The sections of a record, paths absolute again; none where there is no file. The line that
    a killed run left half written is left out."""
    sections: list[Section] = []
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        if not line.endswith(b"\n"):
            break
        message = json.loads(line)
        if place := PATHS.get(message["do"]):
            message[place] = str(path.parent / message[place])
        if message["do"] == "start":
            sections.append(Section(message))
        elif message["do"] != "end":  # how it ended is the ledger's to say
            sections[-1].messages.append(message)
    return sections


def is_unchanged(path: Path, digest: str) -> bool:
    """Whether a record has this BLAKE2b digest, of whatever length it was made."""
    size = len(digest) // 2
    return hashlib.blake2b(path.read_bytes(), digest_size=size).hexdigest() == digest
