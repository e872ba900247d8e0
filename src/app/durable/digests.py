"""The content hash of a file, remembered between runs where that is safe.

A hundred runs over one corpus need not read all of it a hundred times to know that it is the same.
A file counts as unchanged when its size, inode and both of its times (of content and of inode: the
second cannot be set back) are what they were. A file that was hashed within `SETTLED_S` of its
last change is not remembered: a second change might carry the same time.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from uuid import uuid4

SETTLED_S = 2.0
WORTH_BYTES = 1 << 20  # hashed in a millisecond: smaller files are not worth remembering

_folder: ContextVar[Path | None] = ContextVar("digests remembered in", default=None)


@contextmanager
def remembered(folder: Path) -> Iterator[None]:
    """Inside, `file_digest` keeps what it computed in `folder`, and looks there first."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def file_digest(path: Path) -> str:
    """`<blake2b, 128 bits, in hex> <bytes>` of a file's content; OSError where it is unreadable."""
    with path.open("rb") as file:
        before = _state(file.fileno())
        noted = _note_of(path) if before[0] >= WORTH_BYTES else None
        if noted is not None and (known := _read(noted, before)) is not None:
            return known
        started = time.time()
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        after = _state(file.fileno())
    found = f"{digest.hexdigest()} {after[0]}"
    settled = started - max(before[1], before[2]) / 1e9 >= SETTLED_S
    if noted is not None and settled and before == after:
        _write(noted, before, found)
    return found


def _state(descriptor: int) -> list[int]:
    status = os.fstat(descriptor)
    return [
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    ]


def _note_of(path: Path) -> Path | None:
    folder = _folder.get()
    if folder is None:
        return None
    name = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
    return folder / f"{name}.json"


def _read(noted: Path, state: list[int]) -> str | None:
    try:
        said = json.loads(noted.read_bytes())
        return str(said["digest"]) if said["state"] == state else None
    except (OSError, ValueError, KeyError, TypeError):  # absent, or torn by a power cut
        return None


def _write(noted: Path, state: list[int], digest: str) -> None:
    """Not flushed to disk: a note that is lost costs one more reading of the file."""
    partial = noted.with_name(f".{noted.name}.{os.getpid()}-{uuid4().hex[:8]}.partial")
    with suppress(OSError):  # a full or read-only disk: the digest is right all the same
        try:
            noted.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps({"state": state, "digest": digest}), encoding="utf-8")
            os.replace(partial, noted)
        finally:
            partial.unlink(missing_ok=True)
