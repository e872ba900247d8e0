"""Results of unchanged stages, found by what they were made from.

    entries/<key>/manifest.json   {"files": {name: [bytes, mtime_ns]}, "told": ...}
    entries/<key>/files/<name>    read-only; hard links to the files of the run that made them
    entries/<key>/used            its mtime: when a run last took the entry
    locks/  held/                 who computes what; what runs hold of it

A key says everything that decides the content, so an entry never changes: it is whole or absent.
Runs that need one key take turns (`computing`), and all but the first find it there. Whoever takes
an entry gets links of its own, which no eviction takes away. Locks are the kernel's (`flock`):
those of a killed process are free at once, and what it left unfinished is never an entry.
"""

import errno
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from app.durable.atomic import atomic_folder

MANIFEST, FILES, USED = "manifest.json", "files", "used"
READ_ONLY = 0o444
SMALL_BYTES = 1 << 16  # copied: reports and descriptions stay ordinary files of their run
# No hard link between these two places: another disk, another owner, or none on this file system.
NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What was stored under a key: files by name, the caller's own links to them, and a value."""

    files: dict[str, Path]
    told: Any


class StageCache:
    """A folder of entries that any number of processes use at once.

    Args:
        folder: made when it is first needed.
        max_gb: limit of all entries together, in 10^9 bytes; those used least recently make room.
            A file that a run's own folder also holds counts, though evicting it frees nothing yet.
    """

    def __init__(self, folder: Path, max_gb: float) -> None:
        self.folder = folder
        self.max_bytes = int(max_gb * 1e9)
        self._entries, self._locks = folder / "entries", folder / "locks"
        for place in (self._entries, self._locks, folder / "held"):
            place.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def held(self) -> Iterator[Path]:
        """A folder on the cache's disk for what the caller takes; gone when it leaves or dies."""
        for lock in (self.folder / "held").glob("*.lock"):  # of runs that were killed
            _remove_free(FileLock(lock), lock.with_suffix(""), lock)
        place = self.folder / "held" / uuid4().hex
        with FileLock(place.with_suffix(".lock")):
            place.mkdir()
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)
                place.with_suffix(".lock").unlink(missing_ok=True)

    @contextmanager
    def computing(self, key: str, what: str) -> Iterator[None]:
        """Waits while another process computes this key; then the caller is the only one."""
        lock = self._lock_of(key)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("waiting: another run computes %s", what)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def restore(self, key: str, into: Path) -> Entry | None:
        """The entry of `key`, its files linked into the folder `into` (made here); None when
        there is none, or none that is whole."""
        entry = self._entries / key
        try:
            manifest = json.loads((entry / MANIFEST).read_bytes())
            files = {name: into / name for name in manifest["files"]}
            for name, state in manifest["files"].items():
                link(entry / FILES / name, files[name])
                if _state(files[name]) != state:
                    raise ValueError(f"{name} has changed")
            os.utime(entry / USED)
            return Entry(files, manifest["told"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            shutil.rmtree(into, ignore_errors=True)
            if entry.is_dir():  # else absent, or evicted this moment
                log.warning("stage cache: %s is damaged (%s): computed again", entry, problem)
            return None

    def store(self, key: str, files: Mapping[str, Path], told: Any) -> bool:
        """Keeps links to `files`, which become read-only but for small ones, and the JSON value
        `told`. To be called inside `computing(key)`. False, with the reason in the log, where it
        cannot be kept."""
        size = sum(path.stat().st_size for path in files.values())
        if size > self.max_bytes:
            limit = self.max_bytes / 1e9
            log.info("stage cache: %.1f GB are more than superior.cache_gb=%g", size / 1e9, limit)
            return False
        try:
            with atomic_folder(self._entries / key) as partial:
                (partial / FILES).mkdir()
                for name, path in files.items():
                    link(path, partial / FILES / name)
                    (partial / FILES / name).chmod(READ_ONLY)
                states = {name: _state(partial / FILES / name) for name in files}
                content = json.dumps({"files": states, "told": told}, ensure_ascii=False)
                (partial / MANIFEST).write_text(content, encoding="utf-8")
                (partial / USED).touch()
            self._make_room(key)
        except OSError as problem:
            log.warning("stage cache: nothing is kept in %s (%s)", self.folder, problem)
            return False
        return True

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(size for _, size, _ in self._by_use())

    def _lock_of(self, key: str) -> FileLock:
        """One of 4096: lock files cannot be removed safely, so there must not be one for each
        key. Two keys that share one wait for each other for nothing, rarely."""
        return FileLock(self._locks / key[:3])

    def _make_room(self, kept: str) -> None:
        with FileLock(self._locks / "room"):
            self._clear(kept)
            entries = self._by_use()
            total = sum(size for _, size, _ in entries)
            for _, size, entry in entries:
                if total <= self.max_bytes:
                    return
                if entry.name != kept:
                    aside = entry.with_name(f".{entry.name}.{uuid4().hex[:8]}.evicted")
                    with suppress(FileNotFoundError):  # its own run replaces it this moment
                        os.replace(entry, aside)  # at once: readers find it whole, or not at all
                    shutil.rmtree(aside, ignore_errors=True)
                    total -= size

    def _by_use(self) -> list[tuple[int, int, Path]]:
        """(last use, bytes, folder) of every entry, the one used longest ago first."""
        found = []
        for entry in self._entries.glob("[!.]*"):
            try:
                used = (entry / USED).stat().st_mtime_ns
                size = sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
            except FileNotFoundError:  # a damaged entry, replaced this moment, or nothing worth
                used, size = 0, 0
            found.append((used, size, entry))
        return sorted(found)

    def _clear(self, kept: str) -> None:
        """Removes what killed processes left. Who works on it would hold its lock."""
        for leftover in self._entries.glob(".*"):
            key = leftover.name[1:].partition(".")[0]
            if key[:3] != kept[:3]:  # our own lock, and nothing else of its keys is under way
                _remove_free(self._lock_of(key), leftover)


def link(source: Path, target: Path) -> None:
    """Makes `target` a hard link to `source`; or a copy that may be written to, with its time,
    where there can be no link or the file is small."""
    target.parent.mkdir(parents=True, exist_ok=True)
    status = source.stat()
    if status.st_size > SMALL_BYTES:
        try:
            os.link(source, target)
            return
        except OSError as problem:
            if problem.errno not in NO_LINK:
                raise
    shutil.copyfile(source, target)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _state(path: Path) -> list[int]:
    """What tells a file that was changed in place: its size and time."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _remove_free(lock: FileLock, folder: Path, file: Path | None = None) -> None:
    """Removes `folder` and `file` unless another process holds their lock."""
    with suppress(Timeout), lock.acquire(timeout=0):
        shutil.rmtree(folder, ignore_errors=True)
        if file is not None:
            file.unlink(missing_ok=True)
