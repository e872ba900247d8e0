"""Draws on disk while a sampler works: an append-only file of equal records of float64, no header.

    with ChainFile(folder / "chain.f64", shape=(4, 32, 6), kept=resumed_from) as chain:
        chain.append(step)                      # buffered; now and then a write, never a sync
        ...
        kept = chain.sync()                     # on disk; goes into the next checkpoint
        ...
        draws = chain.read()                    # (records, 4, 32, 6), memory-mapped

A checkpoint says how many records are its own, and their CRC-32 (`Kept`). What a killed process
wrote after them, a torn record too, is cut off when the file is opened again: the loop makes it
anew.

An exception may strike between any two instructions (a signal, a deadline): writes go to a place
told by the count, so that doing one again does no harm, and each change of the count is one
assignment. At most the last record is then one that its loop does not know of: `cut` takes it back.
"""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.cosmology.model import Array

BUFFER_BYTES = 1 << 20
ITEM = np.dtype("<f8")


@dataclass(frozen=True)
class Kept:
    """The records a checkpoint counts on."""

    records: int = 0
    crc32: int = 0

    def as_state(self) -> dict[str, int]:
        """For `Snapshot.state`."""
        return {"records": self.records, "crc32": self.crc32}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Kept":
        """What `as_state` made."""
        return cls(int(state["records"]), int(state["crc32"]))


class ChainFile:
    """Records of `shape` in the file `path`, of which those of `kept` stay.

    Raises:
        ResumeError: the file is shorter than `kept` says, or says something else.
        SuperiorError: it cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], kept: Kept | None = None) -> None:
        self.path, self.shape = path, shape
        self._bytes = ITEM.itemsize * int(np.prod(shape))
        room = max(BUFFER_BYTES // self._bytes, 1)
        self._buffer = np.empty((room, *shape), ITEM)
        self._on_file = kept or Kept()
        self.records = self._on_file.records  # those in the buffer too
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open()
        try:
            self._cut_to_kept()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: Array) -> None:
        """One more record, of `shape`."""
        if self.records - self._on_file.records == len(self._buffer):
            self._write()
        self._buffer[self.records - self._on_file.records] = record
        self.records += 1

    def cut(self, records: int) -> None:
        """Takes back the last record, if there is one more than `records`."""
        if not self._on_file.records <= records <= self.records:
            raise ValueError(f"{self.path}: {self.records} records cannot be cut to {records}")
        self.records = records

    def sync(self) -> Kept:
        """What the disk has, once it has every record."""
        self._write()
        try:
            os.fsync(self._file)
        except OSError as error:
            raise self._unwritable(error) from error
        return self._on_file

    def read(self) -> Array:
        """(records, *shape): memory-mapped, read-only; not changed by what is appended later."""
        self._write()
        if not self.records:
            return np.empty((0, *self.shape), ITEM)
        return np.memmap(self.path, ITEM, "r", shape=(self.records, *self.shape))

    def close(self) -> None:
        """Closes the file; what was not synced may be lost. Closing again does nothing."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self) -> None:
        """The buffer goes to the operating system, after the records it has."""
        before = self._on_file
        fresh = self._buffer[: self.records - before.records]
        if not len(fresh):
            return
        content, done = fresh.tobytes(), 0
        place = before.records * self._bytes
        try:
            while done < len(content):
                done += os.pwrite(self._file, content[done:], place + done)
        except OSError as error:
            raise self._unwritable(error) from error
        self._on_file = Kept(before.records + len(fresh), zlib.crc32(content, before.crc32))

    def _open(self) -> int:
        try:
            is_new = not self.path.exists()
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            if is_new:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from error
        return file

    def _cut_to_kept(self) -> None:
        size, found = self.records * self._bytes, os.fstat(self._file).st_size
        if found < size:
            raise ResumeError(
                f"{self.path} has {found} bytes and its checkpoint counts on {size}; put the whole "
                "file back, or move it and its checkpoints away to begin anew"
            )
        if self._checksum(size) != self._on_file.crc32:
            raise ResumeError(
                f"{self.path}: its first {size} bytes are not those its checkpoint was made after; "
                "put them back, or move the file and its checkpoints away to begin anew"
            )
        try:
            os.ftruncate(self._file, size)
        except OSError as error:
            raise self._unwritable(error) from error

    def _checksum(self, size: int) -> int:
        checksum = 0
        for start in range(0, size, BUFFER_BYTES):
            block = os.pread(self._file, min(BUFFER_BYTES, size - start), start)
            checksum = zlib.crc32(block, checksum)
        return checksum

    def _unwritable(self, error: OSError) -> SuperiorError:
        return SuperiorError(
            f"{self.path} cannot be written: {error.strerror}; the checkpoints before are whole: "
            "once that is mended, the same command goes on from the newest"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
