"""The volumes of a run: found at once, read one at a time when they are asked for."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from kedro.io import AbstractDataset

from app.config.vesuvius.volumes import DemoSource, FileSource, Holdout, Volumes
from app.datasets.volume import Volume
from app.datasets.volume_demo import demo_volume
from app.datasets.volume_files import read_array
from app.datasets.volume_labels import checked_labels
from app.datasets.volume_pairs import Pair, pairs
from app.datasets.volume_roles import ROLES, roles_by_volume, slabs
from app.durable.digests import file_digest
from app.errors import InputError

Arrays = tuple[np.ndarray, np.ndarray | None]  # image and labels


@dataclass(frozen=True)
class _Demo:
    """Volumes made here, for a Volumes config whose source is a DemoSource."""

    source: DemoSource
    seed: int

    def labelled(self) -> dict[str, bool]:
        return {f"scroll{number}": True for number in range(1, self.source.count + 1)}

    def read(self, name: str) -> Arrays:
        made = demo_volume(self.source, int(name.removeprefix("scroll")), self.seed)
        return made.image, made.labels

    def place(self, name: str) -> str:
        return f"demo volume {name}"

    def content(self) -> Any:
        return {"demo": self.source.model_dump(mode="json"), "seed": self.seed}


class _Files:
    """Volumes on disk."""

    def __init__(self, source: FileSource, data_root: Path) -> None:
        self._pairs: dict[str, Pair] = {pair.name: pair for pair in pairs(source, data_root)}

    def labelled(self) -> dict[str, bool]:
        return {name: pair.labels is not None for name, pair in self._pairs.items()}

    def read(self, name: str) -> Arrays:
        pair = self._pairs[name]
        return read_array(pair.image), None if pair.labels is None else read_array(pair.labels)

    def place(self, name: str) -> str:
        return str(self._pairs[name].labels)

    def content(self) -> Any:
        return {
            name: [[file.name, file_digest(file)] for file in pair.files()]
            for name, pair in self._pairs.items()
        }


class VolumeSet(Sequence[Volume]):
    """The volumes of a run, in order. Each is read when it is asked for, and only the last one
    read is held; `roles()` needs none of them.

    Raises, on reading: InputError where a file is unreadable, or its labels do not fit.
    """

    def __init__(self, config: Volumes, data_root: Path, seed: int) -> None:
        self._config, self._seed = config, seed
        self._source: _Demo | _Files = (
            _Demo(config.source, seed)
            if isinstance(config.source, DemoSource)
            else _Files(config.source, data_root)
        )
        self._parts = _parts(self._source.labelled(), config.holdout, seed)
        self._held: tuple[str, Arrays] | None = None

    def roles(self) -> dict[str, str]:
        """Name -> role, of every volume."""
        return {part.name: part.role for part in self._parts}

    def fingerprint(self) -> str:
        """Of everything read from it: equal fingerprints, equal volumes."""
        said = [self._config.model_dump(mode="json"), self._seed, self._source.content()]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, index: int) -> Volume: ...
    @overload
    def __getitem__(self, index: slice) -> list[Volume]: ...
    def __getitem__(self, index: int | slice) -> Volume | list[Volume]:
        if isinstance(index, slice):
            return [self._volume(part) for part in self._parts[index]]
        return self._volume(self._parts[index])

    def __iter__(self) -> Iterator[Volume]:
        return map(self._volume, self._parts)

    def _volume(self, part: "_Part") -> Volume:
        image, labels = self._read(part.source)
        if part.slab:
            cut = slabs(part.source, len(image), self._config.holdout, self._seed)[part.role]
            image, labels = image[cut], None if labels is None else labels[cut]
        return Volume(part.name, part.role, image, labels, f"{part.name}.tif")

    def _read(self, name: str) -> Arrays:
        if self._held is None or self._held[0] != name:
            self._held = None  # before the next is read, so that two are never in memory
            image, labels = self._source.read(name)
            if labels is not None:
                place = self._source.place(name)
                labels = checked_labels(labels, image.shape, self._config, place)
            self._held = name, (image, labels)
        return self._held[1]


class VolumesDataset(AbstractDataset[Any, VolumeSet]):
    """Kedro dataset over `conf/volumes`.

    Args:
        volumes: which there are (`app.config.vesuvius.volumes.Volumes`).
        data_root: what the folders of the config are relative to.
        seed: of the holdout, and of demo volumes.
    """

    def __init__(self, volumes: dict[str, Any], data_root: str = ".", seed: int = 0) -> None:
        self._volumes, self._data_root, self._seed = volumes, Path(data_root), seed

    def load(self) -> VolumeSet:
        config = Volumes.model_validate_json(json.dumps(self._volumes))  # JSON has no tuples
        return VolumeSet(config, self._data_root, self._seed)

    def save(self, data: Any) -> None:
        raise InputError("volumes are read, never written")

    def _describe(self) -> dict[str, Any]:
        return {"volumes": self._volumes.get("name"), "seed": self._seed}


@dataclass(frozen=True)
class _Part:
    """A volume of the run: a whole source volume, or a slab of one."""

    name: str
    source: str
    role: str
    slab: bool = False


def _parts(labelled: dict[str, bool], holdout: Holdout, seed: int) -> list[_Part]:
    named = [name for name, has_labels in labelled.items() if has_labels]
    if not named:
        raise InputError("no volume has labels to learn from; set volumes.source.labels")
    if holdout.by == "slab":
        parts = [_Part(f"{name}-{role}", name, role, slab=True) for name in named for role in ROLES]
    else:
        roles = roles_by_volume(named, holdout, seed)
        parts = [_Part(name, name, roles[name]) for name in named]
    parts += [_Part(name, name, "test") for name in labelled if name not in named]
    names = [part.name for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"two volumes are named {twice[0]!r}, one as a slab: rename one file")
    return parts
