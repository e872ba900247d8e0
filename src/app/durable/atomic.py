"""Files and folders that appear whole or not at all.

Written beside their destination, flushed to disk, then renamed over it; the folder entry is
flushed too, so that a power cut leaves the old content or the new, never a part.
"""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to; on success it replaces `path`, on error it is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    partial = path.with_name(f".{path.name}.{_token()}.partial")
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
    _remove_leftovers(path)
    token = _token()
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
        except BaseException:  # an interrupt too: the old folder goes back to its place
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


def _token() -> str:
    return f"{os.getpid()}-{uuid4().hex[:8]}"


def _remove_leftovers(path: Path) -> None:
    """Removes what killed processes left beside `path`; an old folder whose place is empty, since
    its writer died between the two renames, goes back to it."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*-*.*"):
        pid = leftover.name.removeprefix(f".{path.name}.").partition("-")[0]
        ours = pid.isdigit() and leftover.suffix in (".partial", ".old")
        if not ours or psutil.pid_exists(int(pid)):
            continue
        if leftover.suffix == ".old" and not path.exists():
            os.replace(leftover, path)
        elif leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
