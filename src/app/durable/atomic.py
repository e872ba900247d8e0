"""Files and folders that appear whole or not at all.

Written beside their destination, flushed to disk, then renamed over it; the folder entry is
flushed too, so that a power cut leaves the old content or the new, never a part.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to; on success it replaces `path`, on error it is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields a temporary folder to fill; on success it replaces the folder `path`.

    A folder cannot be renamed over a full one: the old one is moved aside first and removed last,
    so that a crash between the two renames leaves the old content under `.<name>.*.old`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    token = uuid4().hex[:8]
    partial = path.with_name(f".{path.name}.{token}.partial")
    old = path.with_name(f".{path.name}.{token}.old")
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            _flush(file)
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(partial, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
        _flush(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replaces the file `path` by `text` (UTF-8), atomically."""
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
