"""One config tree for both doors: Hydra composes it, the schemas check it.

Every override reaches Hydra as a group choice (`balance=oversample`) or as a key that may be new
to the YAML (`++filters.max_chars=900`): which keys exist is said by the schemas alone, so that
a wrong one gets one answer, wherever it was written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from app.config.explain import explain
from app.config.groups import PRESETS, is_group
from app.config.kinds import KIND, replace_other_kinds
from app.config.overrides import HYDRA_PREFIXES, checked_overrides, first_line, parsed
from app.config.settings import set_in_file, with_settings
from app.config.tree import STUDIES, Config, schema_of
from app.errors import ConfigError, nearest

CONFIG_NAME = "config"
UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, UnicodeDecodeError)


class Tree(dict[str, Any]):
    """A composed, checked and resolved config tree; the loader takes it as it is."""


@dataclass(frozen=True)
class Composed:
    """The config of one run, with the overrides that made it."""

    overrides: tuple[str, ...]
    tree: Tree
    config: Config


def compose(overrides: Sequence[str], conf: Path) -> Composed:
    """The checked config that `overrides` make of the folder `conf`; `settings=FILE` stands for
    the overrides that the file holds.

    Raises:
        ConfigError: an override, group choice, key or value is wrong; the message names it, where
            it was set, and the nearest valid names.
    """
    overrides = with_settings(overrides, conf)
    composed = unchecked(overrides, conf)
    return check(composed, overrides, chosen_in(composed), conf)


def unchecked(overrides: Sequence[str], conf: Path) -> DictConfig:
    """What Hydra composes of `overrides`, neither resolved nor held against the schemas.

    Raises:
        ConfigError: an override cannot be read, a choice does not exist, or a file is no YAML.
    """
    GlobalHydra.instance().clear()
    return _by_hydra(checked_overrides(overrides, conf), conf)


def _by_hydra(checked: Sequence[str], conf: Path) -> DictConfig:
    try:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            return hydra_compose(CONFIG_NAME, overrides=list(checked), return_hydra_config=True)
    except UNREADABLE as error:
        raise ConfigError(reason(error, conf)) from error


def chosen_in(composed: DictConfig) -> dict[str, str]:
    """Group -> its choice; groups of several choices are not in it."""
    return {str(group): str(name) for group, name in composed.hydra.runtime.choices.items()}


def check(
    composed: DictConfig, overrides: Sequence[str], chosen: Mapping[str, str], conf: Path
) -> Composed:
    """What Hydra composed, resolved and held against the schemas; `chosen` is group -> choice.
    The node `hydra` is left out. What overrides make another `kind` of, loses the keys of the
    earlier one, in `composed` itself."""
    settle_kinds(composed, overrides, chosen, conf)
    try:
        values = values_of(composed, throw_on_missing=True)
    except OmegaConfBaseException as error:
        if missing := sorted(missing_keys(composed)):
            raise ConfigError(
                f"{', '.join(missing)}: needed, and no value is given\n  "
                f"on the command line: {missing[0]}=...; or in a profile or a file of settings"
            ) from error
        place = set_in_file(str(error.full_key or ""))
        raise ConfigError(first_line(error) + (f"\n  {place}" if place else "")) from error
    study = str(values.get("study"))
    if study not in STUDIES:
        raise ConfigError(f"study={study}: no such study{nearest(study, STUDIES)}")
    schema = schema_of(study)
    try:
        config = schema.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, schema, values, overrides, chosen, conf)) from error
    derived = {"profile": chosen.get("profile", "null"), **config.derived()}
    return Composed(tuple(overrides), Tree(values, **derived), config)


def values_of(composed: DictConfig, *, throw_on_missing: bool = False) -> dict[str, Any]:
    """The resolved values, without the node `hydra`, which cannot be resolved outside a job."""
    return {
        str(key): OmegaConf.to_container(value, resolve=True, throw_on_missing=throw_on_missing)
        if OmegaConf.is_config(value)
        else value
        for key, value in _items(composed, throw_on_missing)
    }


def settle_kinds(
    composed: DictConfig, overrides: Sequence[str], chosen: Mapping[str, str], conf: Path
) -> None:
    """`replace_other_kinds`, of what presets and overrides made of the files of groups."""
    told = [*_told_by_presets(chosen, conf)]
    groups = {group: f"{group}={name}" for group, name in chosen.items() if name != "None"}
    for item in overrides:
        own = parsed(item)
        key = own.key_or_group
        if is_group(key, conf):
            groups[key] = item
        elif not (item.startswith(HYDRA_PREFIXES) or own.is_delete() or own.is_sweep_override()):
            told.append((key, own.value()))
    chosen_only = [
        item for key, item in groups.items() if is_group(key, conf) and key not in PRESETS
    ]
    replace_other_kinds(composed, told, lambda: _unresolved(chosen_only, conf))


def _told_by_presets(chosen: Mapping[str, str], conf: Path) -> Iterator[tuple[str, Any]]:
    """Key, value: what profile and experiment say over the groups they choose."""
    for preset in PRESETS:
        file = conf / preset / f"{chosen.get(preset)}.yaml"
        if file.is_file() and KIND in (text := file.read_text(encoding="utf-8")):
            values = yaml.safe_load(text)
            yield from ((key, values[key]) for key in values if key not in ("defaults", "hydra"))


def _unresolved(checked: Sequence[str], conf: Path) -> dict[str, Any]:
    """What Hydra composes of these, also inside of a run of a sweep, which is inside of Hydra."""
    hydra = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        plain = _by_hydra(checked, conf)
    finally:
        GlobalHydra.instance().hydra = hydra
    values: Any = OmegaConf.to_container(plain, resolve=False)
    return dict(values)


def missing_keys(composed: DictConfig) -> list[str]:
    """Keys without a value, in full; those of the node `hydra` are Hydra's own. Not those that
    refer to one."""
    values: Any = {
        key: OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
        for key in composed
        if key != "hydra" and (node := composed._get_node(key)) is not None
    }
    return list(_missing_in(values, ""))


def _missing_in(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _missing_in(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _missing_in(inner, f"{key}[{at}]")
    elif value == "???":
        yield key


def _items(composed: DictConfig, throw_on_missing: bool) -> Iterator[tuple[Any, Any]]:
    for key in composed:
        if key != "hydra" and OmegaConf.is_missing(composed, key) and not throw_on_missing:
            yield key, "???"
        elif key != "hydra":
            yield key, composed[key]


def reason(error: Exception, conf: Path) -> str:
    """Why the files of `conf` could not be composed, with the file and line where it is known;
    `error` is one of `UNREADABLE`."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{mark.name}, line {mark.line + 1}: not YAML: {error.problem}"
    if isinstance(error, UnicodeDecodeError):
        files = [file for file in sorted(conf.rglob("*.yaml")) if not _is_utf8(file)]
        return f"not UTF-8: {', '.join(map(str, files))}"
    said = str(error).partition("Config search path")[0].strip()
    if (override := re.search(r"override \+*([\w./$-]+)=", said)) and set_in_file(override[1]):
        said += f"\n  {set_in_file(override[1])}"
    if "Cannot merge" in said:
        example = "`- override /models: [check, tfidf_nb]`"
        said += f"\n  a list of choices stands among the defaults: {example}"
    return said


def _is_utf8(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
