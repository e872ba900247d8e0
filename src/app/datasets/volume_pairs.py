"""Which files are a set of volumes: each image, and the labels of the same name."""

from dataclasses import dataclass
from pathlib import Path

from app.config.vesuvius.volumes import FileSource
from app.datasets.volume_files import (
    SLICE_SUFFIXES,
    VOLUME_SUFFIXES,
    natural,
    slice_files,
    volume_stem,
)
from app.errors import InputError


@dataclass(frozen=True)
class Pair:
    """Where a volume is: a file, or a folder of slices."""

    name: str
    image: Path
    labels: Path | None

    def files(self) -> list[Path]:
        """Every file that is read for it."""
        places = [self.image] if self.labels is None else [self.image, self.labels]
        return [file for place in places for file in _files(place)]


def pairs(source: FileSource, data_root: Path) -> list[Pair]:
    """The volumes of a source, in natural order of their names.

    Raises:
        InputError: a folder is absent or holds no volume, two volumes have one name, or labels
            have no image.
    """
    found = _slices if source.slices else _volumes
    folder = data_root / source.images
    images = found(folder, "volumes.source.images")
    labels: dict[str, Path] = {}
    if source.labels is not None:
        beside = data_root / source.labels
        labels = found(beside, "volumes.source.labels")
        if [*images.values()] == [folder] and [*labels.values()] == [beside]:
            labels = dict.fromkeys(images, beside)  # one volume, its folders named apart
    if alone := sorted(labels.keys() - images.keys()):
        raise InputError(
            f"{labels[alone[0]]}: there is no image {alone[0]!r} in {folder}; "
            "labels have the name of their image"
        )
    return [Pair(name, images[name], labels.get(name)) for name in sorted(images, key=natural)]


def _volumes(folder: Path, key: str) -> dict[str, Path]:
    """Name -> file."""
    found: dict[str, Path] = {}
    for path in sorted(_listed(folder, key)):
        name = volume_stem(path)
        if name is None or not path.is_file():
            continue
        if name in found:
            raise InputError(
                f"{path} and {found[name].name} are both the volume {name!r}; remove one"
            )
        found[name] = path
    if not found:
        raise InputError(
            f"{folder} ({key}) holds no volume: no file {', '.join(VOLUME_SUFFIXES)}"
            "; a folder of 2D images is read with volumes.source.slices=true"
        )
    return found


def _slices(folder: Path, key: str) -> dict[str, Path]:
    """Name -> folder of slices: the folders in `folder`, or itself when it has slices."""
    inside = sorted(path for path in _listed(folder, key) if path.is_dir() and slice_files(path))
    own = slice_files(folder)
    if own and inside:
        raise InputError(
            f"{folder} ({key}) holds slices and folders of slices ({inside[0].name}); keep one"
        )
    if not own and not inside:
        raise InputError(f"{folder} ({key}) holds no slice: no file {', '.join(SLICE_SUFFIXES)}")
    return {path.name: path for path in inside} or {folder.resolve().name: folder}


def _listed(folder: Path, key: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{key}: there is no folder {folder}; check it and data_root")
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _files(place: Path) -> list[Path]:
    return slice_files(place) if place.is_dir() else [place]
