"""One config tree for both doors: Hydra composes it, the schemas check it.

Every override reaches Hydra as a group choice (`balance=oversample`) or as a key that may be new
to the YAML (`++filters.max_chars=900`): which keys exist is said by the schemas alone, so that
a wrong one gets one answer, wherever it was written.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError

from app.config.explain import explain
from app.config.groups import PRESETS, choices, is_group
from app.config.settings import origin, set_in_file, with_settings
from app.config.study import require_groups, study_of, with_study
from app.config.tree import STUDIES, Config, schema_of
from app.errors import ConfigError, nearest

CONFIG_NAME = "config"
NOT_NAMED = ("superior", "scheduler", "tracking", "output_root", "hydra")  # no part of what runs
UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, UnicodeDecodeError)
_HYDRA_PREFIXES = ("hydra.", "hydra/", "hydra@")


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
    parsed = checked_overrides(overrides, conf)
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            return hydra_compose(CONFIG_NAME, overrides=parsed, return_hydra_config=True)
    except UNREADABLE as error:
        raise ConfigError(reason(error, conf)) from error


def chosen_in(composed: DictConfig) -> dict[str, str]:
    """Group -> its choice; groups of several choices are not in it."""
    return {str(group): str(name) for group, name in composed.hydra.runtime.choices.items()}


def check(
    composed: DictConfig, overrides: Sequence[str], chosen: Mapping[str, str], conf: Path
) -> Composed:
    """What Hydra composed, resolved and held against the schemas; `chosen` is group -> choice.
    The node `hydra` is left out."""
    try:
        values = values_of(composed, throw_on_missing=True)
    except MissingMandatoryValue as error:
        missing = sorted(missing_keys(composed))
        raise ConfigError(
            f"{', '.join(missing)}: needed, and no value is given\n  "
            f"on the command line: {missing[0]}=...; or in a profile or a file of settings"
        ) from error
    except OmegaConfBaseException as error:
        place = set_in_file(str(error.full_key or ""))
        raise ConfigError(_first_line(error) + (f"\n  {place}" if place else "")) from error
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


def missing_keys(composed: DictConfig) -> Iterator[str]:
    """Keys without a value, in full; those of the node `hydra` are Hydra's own."""
    for key in composed:
        if key == "hydra":
            continue
        if OmegaConf.is_missing(composed, key):
            yield str(key)
        elif OmegaConf.is_config(group := composed[key]):
            yield from map(str, OmegaConf.missing_keys(group))


def _items(composed: DictConfig, throw_on_missing: bool) -> Iterator[tuple[Any, Any]]:
    for key in composed:
        if key != "hydra" and OmegaConf.is_missing(composed, key) and not throw_on_missing:
            yield key, "???"
        elif key != "hydra":
            yield key, composed[key]


def checked_overrides(overrides: Sequence[str], conf: Path) -> list[str]:
    """`overrides` in the form Hydra takes, each group choice known to exist.

    A plain `key=value` becomes `++key=value`; sweeps over a group (`balance=none,oversample`)
    are checked choice by choice. `pipeline=vesuvius` brings its study with it.
    """
    ready, groups, places = [], {}, {}
    for override in with_study(overrides, conf):
        parsed = _parse(override)
        added = parsed.is_add() or parsed.is_force_add()
        if added or parsed.is_delete() or override.startswith(_HYDRA_PREFIXES):
            ready.append(override)
        elif is_group(parsed.key_or_group, conf):
            _check_choices(parsed, conf)
            groups[parsed.key_or_group] = override.partition("=")[2]
            places[parsed.key_or_group] = origin(override)
            ready.append(override)
        else:
            ready.append(f"++{override}")
    require_groups(groups, study_of(overrides, conf), conf, places)
    return ready


def sweep_name(overrides: Sequence[str], conf: Path) -> str:
    """The name of a sweep that was given none: its experiment or pipeline, and, where more is
    overridden, a hash of the rest. The same command has the same name."""
    study = study_of(overrides, conf)
    told, name = [], study
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        if key == "experiment" or (key == "pipeline" and name == study):
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", value.strip("'\""))
        if key != "experiment" and key.split(".")[0] not in NOT_NAMED:
            told.append(f"{key}={value}")
    if not told:
        return name
    digest = hashlib.blake2b("\n".join(sorted(told)).encode(), digest_size=3).hexdigest()
    return f"{name}-{digest}"


def conf_digest(conf: Path, outputs: Path | None = None) -> str | None:
    """Changes with any file of `conf`; None where the config depends on more than its files.
    What runs wrote there, below `outputs` or any folder `.hydra`, is left out."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(conf.rglob("*.y*ml")):
        if ".hydra" in file.parts or (outputs is not None and file.is_relative_to(outputs)):
            continue
        content = file.read_bytes()
        if b"${oc.env:" in content or b"${now:" in content:
            return None
        digest.update(str(file.relative_to(conf)).encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


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


def overrides_from(params: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Nested parameters (`{"split": {"train_prop": 0.7}}`, as Kedro's tools pass them) written as
    overrides (`split.train_prop=0.7`)."""
    overrides = []
    for key, value in params.items():
        if isinstance(value, Mapping):
            overrides += overrides_from(value, f"{prefix}{key}.")
        else:
            overrides.append(f"{prefix}{key}={_literal(value)}")
    return overrides


def _parse(override: str) -> Override:
    try:
        return OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise ConfigError(
            f"cannot read the override {override!r}: write key=value, and a value with spaces or "
            f"accents in quotes of its own: \"key='a value'\". {_first_line(error)}"
        ) from error


def _check_choices(override: Override, conf: Path) -> None:
    group = override.key_or_group
    known = choices(group, conf)
    for chosen in _chosen(override):
        if chosen is None and group in PRESETS:
            continue
        if not isinstance(chosen, str) or chosen not in known:
            raise ConfigError(
                f"{group}={chosen}: no such choice{nearest(str(chosen), known)}\n"
                f"  {origin(str(override.input_line))}; choices are the files of conf/{group}/"
            )


def _chosen(override: Override) -> list[Any]:
    values = [*override.sweep_iterator()] if override.is_sweep_override() else [override.value()]
    return [name for value in values for name in (value if isinstance(value, list) else [value])]


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(_literal(item) for item in value) + "]"
    return str(value)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
