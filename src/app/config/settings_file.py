"""A file of settings as a flat list: each value with its dotted key and its place."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from app.config.literal import PLAIN_KEY
from app.errors import ConfigError

Lines = dict[tuple[str, ...], int]  # keys from the outermost in -> line, from 1


@dataclass(frozen=True)
class Setting:
    """One value of the file. `place`: FILE, line N; with the key there, where that is another."""

    key: str
    value: Any
    place: str


def read(path: Path) -> list[Setting]:
    """The values of a YAML or JSON file, mappings opened: `a: {b: 1}` and `a.b: 1` are the same.

    YAML is read as the files of conf/ are (1e-8 is a number), and makes no objects.

    Raises:
        ConfigError: the file is absent, neither YAML nor JSON, or says the same key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"settings={path}: {error.strerror}: {path.absolute()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"settings={path}: not UTF-8") from error
    content = _json(text, path) if path.suffix == ".json" else _yaml(text, path)
    lines = _lines(text)
    found: dict[str, Setting] = {}
    for keys, value in _leaves(content, ()):
        key = ".".join(map(str, keys))
        setting = Setting(key, value, _place(path, keys, lines))
        if key in found:
            raise ConfigError(f"{key}: given twice: {found[key].place}, and {setting.place}")
        if not isinstance(keys[0], str) or not all(map(_is_plain, key.split("."))):
            raise ConfigError(
                f"{key}: no key of the config is written so\n  set in {setting.place}; a file of "
                "settings has keys as overrides have them, without + or ~"
            )
        found[key] = setting
    return list(found.values())


def _is_plain(part: str) -> bool:
    """`hydra/sweeper` is the name of a group."""
    return all(PLAIN_KEY.fullmatch(name) for name in part.split("/"))


def _json(text: str, path: Path) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ConfigError(f"{sorted(twice)[0]}: given twice in {path}")
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from error
    return _mapping(content, path)


def _yaml(text: str, path: Path) -> dict[str, Any]:
    try:
        content = OmegaConf.to_container(OmegaConf.load(io.StringIO(text)))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, OmegaConfBaseException, OSError) as error:
        what = str(error).strip().partition("\n")[0]  # OSError: the file is one word or number
        raise ConfigError(f"{path}: no YAML of keys and values: {what}") from error
    return _mapping(content, path)


def _mapping(content: Any, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds no keys; write each as `key: value`, e.g. `seed: 7`")
    return content


def _leaves(value: Any, keys: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Mappings are opened as long as their keys can be parts of a dotted one."""
    opens = isinstance(value, dict) and value and all(map(_can_be_part, value))
    if not keys or opens:
        for key, inner in value.items():
            yield from _leaves(inner, (*keys, key))
    else:
        yield keys, value


def _can_be_part(key: Any) -> bool:
    return type(key) in (str, int) and all(PLAIN_KEY.fullmatch(p) for p in str(key).split("."))


def _place(path: Path, keys: tuple[Any, ...], lines: Lines) -> str:
    line = lines.get(tuple(map(str, keys)))
    return f"{path}, line {line}" if line is not None else str(path)


def _lines(text: str) -> Lines:
    """Of every key; JSON is near enough to YAML, once it has no tabs."""
    try:
        top = yaml.compose(text.replace("\t", " "), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return {}
    return dict(_lines_in(top, ()))


def _lines_in(node: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*keys, str(name.value))
            yield inner, name.start_mark.line + 1
            yield from _lines_in(value, inner)
