"""Volumes and feature maps on disk, as .npy files that are memory-mapped.

    <index>                                              what a run has, in order: a JSON list
    <folder>/volume-<key>/image.npy, labels.npy          a volume
    <folder>/features-<key>/maps.npy, statistics.json    the feature maps of one

A key is the hash of what an entry is made from, and an entry appears whole or not at all: what is
there is not made again, by another run neither, nor after a kill. Many runs may share a folder;
what none has used for `UNUSED_DAYS` is removed when one writes to it.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset

from app.datasets.volume import FeatureVolume, MapStatistics, Volume
from app.durable.atomic import atomic_folder, write_text
from app.errors import InputError

UNUSED_DAYS = 30.0
DIGEST_BYTES = 1 << 24  # hashed at a time


@dataclass(frozen=True)
class PendingFeatures:
    """Feature maps to be computed, unless the store has them already."""

    key: str  # of the image and of everything else the maps follow from
    volume: Volume
    names: tuple[str, ...]  # of the F maps
    compute: Callable[[np.ndarray], tuple[MapStatistics, ...]]  # fills (F, z, y, x) float32


class VolumeStoreDataset(AbstractDataset[Iterable[Volume], list[Volume]]):
    """Kedro dataset: volumes, written one at a time, read back as memmaps.

    Args:
        index: the JSON file of this run's volumes.
        folder: the entries; may be shared by runs and by feature maps.
    """

    def __init__(self, index: str, folder: str) -> None:
        self.index, self.folder = Path(index), Path(folder)

    def save(self, data: Iterable[Volume]) -> None:
        _write_index(self.index, [_keep_volume(self.folder, volume) for volume in data])
        _remove_unused(self.folder)

    def load(self) -> list[Volume]:
        return [_read_volume(self.folder, said) for said in _read_index(self.index)]

    def _exists(self) -> bool:
        return self.index.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"index": str(self.index), "folder": str(self.folder)}


class FeatureStoreDataset(AbstractDataset[Iterable[PendingFeatures], list[FeatureVolume]]):
    """Kedro dataset: volumes with their feature maps; only maps that are not there are computed.

    Args:
        index: the JSON file of this run's feature volumes.
        folder: the entries; may be shared by runs, and with their volumes.
    """

    def __init__(self, index: str, folder: str) -> None:
        self.index, self.folder = Path(index), Path(folder)

    def save(self, data: Iterable[PendingFeatures]) -> None:
        _write_index(self.index, [self._keep(pending) for pending in data])
        _remove_unused(self.folder)

    def load(self) -> list[FeatureVolume]:
        return [self._read(said) for said in _read_index(self.index)]

    def holds(self, pending: PendingFeatures) -> bool:
        """Whether these maps need not be computed."""
        return self._entry(pending.key).is_dir()

    def _keep(self, pending: PendingFeatures) -> dict[str, Any]:
        if not self.holds(pending):
            shape = (len(pending.names), *pending.volume.image.shape)
            with atomic_folder(self._entry(pending.key)) as entry:
                maps = np.lib.format.open_memmap(
                    entry / "maps.npy", mode="w+", dtype=np.float32, shape=shape
                )
                statistics = [asdict(each) for each in pending.compute(maps)]
                maps.flush()
                (entry / "statistics.json").write_text(json.dumps(statistics), encoding="utf-8")
        return {
            "volume": _keep_volume(self.folder, pending.volume),
            "key": pending.key,
            "names": [*pending.names],
        }

    def _read(self, said: dict[str, Any]) -> FeatureVolume:
        entry = self._entry(said["key"])
        maps = _mapped(entry / "maps.npy")
        statistics = tuple(MapStatistics(**each) for each in _json(entry / "statistics.json"))
        volume = _read_volume(self.folder, said["volume"])
        return FeatureVolume(volume, maps, tuple(said["names"]), statistics)

    def _entry(self, key: str) -> Path:
        return self.folder / f"features-{key}"

    def _exists(self) -> bool:
        return self.index.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"index": str(self.index), "folder": str(self.folder)}


def array_digest(array: np.ndarray) -> str:
    """sha256 of shape, type and values, whatever the byte order or layout in memory."""
    native = array.dtype.newbyteorder("=")
    total = hashlib.sha256(f"{array.shape} {native.str}".encode())
    step = max(1, DIGEST_BYTES * len(array) // max(array.nbytes, 1))
    for start in range(0, len(array), step):
        part = np.asarray(array[start : start + step])
        total.update(np.ascontiguousarray(part, dtype=native).data)
    return total.hexdigest()


def _keep_volume(folder: Path, volume: Volume) -> dict[str, Any]:
    image, labels = volume.image, volume.labels
    digests = [array_digest(image), None if labels is None else array_digest(labels)]
    key = hashlib.sha256(json.dumps(digests).encode()).hexdigest()[:32]
    if not (folder / f"volume-{key}").is_dir():
        with atomic_folder(folder / f"volume-{key}") as entry:
            _write_array(entry / "image.npy", image)
            if labels is not None:
                _write_array(entry / "labels.npy", labels)
    return {
        "key": key,
        "name": volume.name,
        "role": volume.role,
        "file_name": volume.file_name,
        "labelled": labels is not None,
    }


def _read_volume(folder: Path, said: dict[str, Any]) -> Volume:
    entry = folder / f"volume-{said['key']}"
    image = _mapped(entry / "image.npy")
    labels = _mapped(entry / "labels.npy") if said["labelled"] else None
    return Volume(said["name"], said["role"], image, labels, said["file_name"])


def _write_index(index: Path, entries: list[dict[str, Any]]) -> None:
    write_text(index, json.dumps(entries, indent=2) + "\n")


def _read_index(index: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = _json(index)
    return entries


def _remove_unused(folder: Path) -> None:
    """Entries, and what killed writers left, that nobody read or wrote for long."""
    oldest = time.time() - UNUSED_DAYS * 86_400
    for entry in folder.glob("*"):
        with suppress(FileNotFoundError):  # another run removes it too
            if entry.is_dir() and entry.stat().st_mtime < oldest:
                shutil.rmtree(entry, ignore_errors=True)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is absent; run the stage `prepare` first") from None
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}; run `prepare` again") from None


def _write_array(path: Path, array: np.ndarray) -> None:
    """In C order and the machine's byte order, a slice at a time."""
    dtype = array.dtype.newbyteorder("=")
    written = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=array.shape)
    for slot, voxels in zip(written, array, strict=True):
        slot[...] = voxels
    written.flush()


def _mapped(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path} is absent; run the stage `prepare` again") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); remove {path.parent} and run `prepare` again"
        ) from None
    with suppress(OSError):  # a store that is only read: nothing is removed from it either
        os.utime(path.parent)  # it is in use
    return array
