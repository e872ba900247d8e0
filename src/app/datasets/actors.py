"""The actors of an ideology view: `actors: {actor_id: {domains, crawls, side_binary, ...}}`.

Read by libyaml's safe loader (a quarter of the time the pure Python one takes) and
checked: an actor written twice, an unknown key or a side that does not exist is refused with the
file and the key.
"""

from pathlib import Path
from typing import Any, Literal

import yaml
from kedro.io import AbstractDataset
from pydantic import ValidationError

from app.config.base import Group
from app.errors import InputError, nearest

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # a PyYAML built without libyaml: slower, the same result
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class Actor(Group):
    """One publisher of documents. `null`: unknown, or outside that division."""

    domains: list[str] = []
    crawls: list[str] = []
    doc_count: int | None = None  # documents seen when the file was made
    side_binary: Literal["left", "right"] | None = None
    global_five: Literal["far_left", "left", "center", "right", "far_right"] | None = None
    intra_left: str | None = None
    intra_right: str | None = None


class ActorsDataset(AbstractDataset[dict[str, Actor], dict[str, Actor]]):
    """actor_id -> Actor, in the order of the file; `{}` when `filepath` is null."""

    def __init__(self, filepath: str | None, metadata: dict[str, Any] | None = None) -> None:
        self._path = None if filepath is None else Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Actor]:
        return {} if self._path is None else read_actors(self._path)

    def save(self, data: dict[str, Actor]) -> None:
        raise InputError(f"{self._path}: an actors file is written by hand, never by a run")

    def _exists(self) -> bool:
        return self._path is None or self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": None if self._path is None else str(self._path)}


def read_actors(path: Path) -> dict[str, Actor]:
    """The actors of a YAML file.

    Raises:
        InputError: absent, not YAML, or not of the form above; names the file and the key.
    """
    content = _read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("actors"), dict):
        raise InputError(
            f"{path}: no `actors:` mapping at the top\n"
            "  write `actors: {actor_id: {domains: [...], crawls: [...], side_binary: left}}`; "
            "`kedro ideology-skeleton` makes a first one"
        )
    return {_name(path, key): _actor(path, key, entry) for key, entry in content["actors"].items()}


def _read_yaml(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            return yaml.load(stream, Loader=_OnceLoader)
    except FileNotFoundError:
        raise InputError(f"view.actors_file: no file {path}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None


class _OnceLoader(_SafeLoader):
    """A safe loader that refuses a key written twice, where YAML would keep the last one."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} is written twice", key.start_mark
                    )
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _name(path: Path, key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise InputError(f"{path}: actors.{key}: an actor id is text; quote it: '{key}'")
    return key


def _actor(path: Path, key: str, entry: Any) -> Actor:
    try:
        return Actor.model_validate(entry if entry is not None else {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("actors", key, *first["loc"]))
        hint = ""
        if first["type"] == "extra_forbidden":
            hint = nearest(str(first["loc"][0]), Actor.model_fields)
        raise InputError(f"{path}: {place}: {first['msg']}{hint}") from None
