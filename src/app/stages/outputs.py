"""A node's outputs as files: those the catalog writes, and in-memory values in a form of their own.

A table is written as Arrow IPC, which gives back every type exactly; a value of JSON's types as
JSON. Nothing else is: a node with such an output is not kept.
"""

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import polars as pl
from kedro.io import MemoryDataset

from app.durable.atomic import atomic_file, atomic_folder
from app.sweep.cache import link

Form = Literal["file", "folder", "absent", "arrow", "json"]


@runtime_checkable
class WritesFile(Protocol):
    """A dataset whose data is one file."""

    filepath: Path


@runtime_checkable
class WritesFolder(Protocol):
    """A dataset that replaces a whole folder, in which nothing else lives."""

    folder: Path
    replaces_folder: bool


class NotKeptError(Exception):
    """This output has no form to be kept in; the text says what it is."""


def written(name: str, dataset: Any, held: Path) -> tuple[Form, dict[str, Path]]:
    """How an output is kept, and its files by name; a value is written to `held` first."""
    match dataset:
        case MemoryDataset():
            return _written_value(name, dataset.load(), held)
        case WritesFolder(replaces_folder=True):
            files = sorted(path for path in dataset.folder.rglob("*") if path.is_file())
            if not dataset.folder.is_dir():
                return "absent", {}
            return "folder", {
                f"{name}/{path.relative_to(dataset.folder).as_posix()}": path for path in files
            }
        case WritesFile():
            return "file", {name: dataset.filepath}
    raise NotKeptError(f"{name} is a {type(dataset).__name__}, which may write among other files")


def put_back(name: str, form: Form, dataset: Any, files: Mapping[str, Path]) -> None:
    """Makes a persisted output of kept files: links, each in its place at once."""
    match form:
        case "file":
            with atomic_file(dataset.filepath) as partial:
                link(files[name], partial)
        case "folder":
            with atomic_folder(dataset.folder) as folder:
                for at, path in files.items():
                    if at.startswith(f"{name}/"):
                        link(path, folder / at.removeprefix(f"{name}/"))
        case "absent":
            shutil.rmtree(dataset.folder, ignore_errors=True)


def read_value(form: Form, path: Path) -> Any:
    """An in-memory value, as it was."""
    if form == "arrow":
        return pl.read_ipc(path)
    return json.loads(path.read_text(encoding="utf-8"))


def _written_value(name: str, value: Any, held: Path) -> tuple[Form, dict[str, Path]]:
    held.mkdir(parents=True, exist_ok=True)
    path = held / name
    if type(value) is pl.DataFrame and not any(
        isinstance(kind, pl.Object) for kind in value.dtypes
    ):
        value.write_ipc(path, compression="zstd")
        return "arrow", {name: path}
    if _is_json(value):
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        return "json", {name: path}
    raise NotKeptError(f"{name} is a {type(value).__name__}, neither a table nor of JSON's types")


def _is_json(value: Any) -> bool:
    """Whether JSON gives back exactly this."""
    match value:
        case dict():
            return type(value) is dict and all(
                type(key) is str and _is_json(item) for key, item in value.items()
            )
        case list():
            return type(value) is list and all(map(_is_json, value))
        case float():
            return type(value) is float and math.isfinite(value)
    return value is None or type(value) in (str, int, bool)
