"""`settings=FILE`: a YAML or JSON file whose keys are overrides; those on the command line win.

Where a value of the file is wrong, messages name its line: `origin` knows the keys of the file
that was read last, because what reaches Hydra, and a sweep's plan, are overrides as any others.
"""

import importlib.util
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.config.groups import is_group
from app.config.literal import literal
from app.config.settings_file import Setting, read
from app.config.study import named_study, study_of
from app.config.tree import STUDIES
from app.errors import ConfigError

KEY = "settings"
_CHOOSES_STUDY = ("study", "pipeline", "experiment", "profile")
_places: dict[str, str] = {}  # key -> FILE, line N

log = logging.getLogger(__name__)


def with_settings(overrides: Sequence[str], conf: Path) -> list[str]:
    """`overrides` with those that the file named by `settings=FILE` holds, in front, in its place.

    A choice on the command line that differs from the file's replaces all the file says of that
    group, which was of the other choice.

    Raises:
        ConfigError: the file cannot be read, is of another study than the command line names, or
            holds what no override can be.
    """
    _places.clear()
    files = [item for item in overrides if _key(item) == KEY]
    told = [item for item in overrides if _key(item) != KEY]
    if not files:
        return told
    if len(files) > 1:
        raise ConfigError(f"{', '.join(files)}: a command has one file of settings")
    path = Path(files[0].partition("=")[2].strip("'\"")).expanduser()
    given = read(path)
    if any(setting.key == KEY for setting in given):
        raise ConfigError(f"{path}: a file of settings names no other: leave out `{KEY}`")
    settings = _less(_of_study(given, told, path, conf), told, conf)
    texts = [_override(setting, conf) for setting in settings]
    _places.update({setting.key: setting.place for setting in settings})
    return [*texts, *told]


def origin(override: str) -> str:
    """Where an override comes from, as a message tells it."""
    place = _places.get(_key(override))
    return f"set in {place}" if place else f"set by the override {override.removeprefix('++')}"


def set_in_file(key: str) -> str:
    """The line of the file that sets `key`, or a part of it; empty: it does not."""
    for name, place in _places.items():
        if name == key or key.startswith(f"{name}.") or name.startswith(f"{key}."):
            return f"set in {place}"
    return ""


def _of_study(
    given: Sequence[Setting], told: Sequence[str], path: Path, conf: Path
) -> Sequence[Setting]:
    """The settings, in the words of the study that file and command line mean."""
    naming = [_override(one, conf) for one in given if one.key in _CHOOSES_STUDY]
    by_file, by_command = named_study(naming, conf), named_study(told, conf)
    if by_file and by_command and by_file != by_command:
        raise ConfigError(
            f"settings={path}: a file of the study {by_file}, and the command line names "
            f"{by_command}\n  kedro example-config {by_command} prints a file for that one"
        )
    study = by_command or by_file or study_of([], conf)
    for other in STUDIES:
        if (classic := _classic_of(other)) is None:
            continue
        if other == study:
            modern: Sequence[Setting] = classic.modern(given, told, path, conf)
            return modern
        for one in given:
            if one.key in classic.KEYS:
                raise ConfigError(
                    f"{one.key}: a key of the study {other}, and this is {study}; add `pipeline: "
                    f"{other}` to the file, or pipeline={other} to the command\n"
                    f"  set in {one.place}"
                )
    return given


def _classic_of(study: str) -> Any:
    """What reads the keys of a study's earlier scripts, `app.config.<study>.classic`, or None."""
    if importlib.util.find_spec(f"app.config.{study}.classic") is None:
        return None
    return importlib.import_module(f"app.config.{study}.classic")


def classic_keys(study: str) -> Mapping[str, str]:
    """The keys of a study's earlier scripts -> those of the config."""
    classic = _classic_of(study) if study in STUDIES else None
    return {} if classic is None else dict(classic.SAME)


def _less(settings: Sequence[Setting], told: Sequence[str], conf: Path) -> list[Setting]:
    """Without what the command line says itself."""
    said = {_key(item): item.partition("=")[2] for item in told}
    replaced = {
        one.key
        for one in settings
        if one.key in said
        and is_group(one.key, conf)
        and _names(said[one.key]) != _names(one.value)
    }
    for group in sorted(replaced):
        log.warning("settings: %s=%s replaces all the file has of %s", group, said[group], group)
    return [
        one for one in settings if one.key not in said and one.key.split(".")[0] not in replaced
    ]


def _names(chosen: object) -> list[str]:
    return re.findall(r"[\w.-]+", str(chosen))


def _override(setting: Setting, conf: Path) -> str:
    try:
        value = literal(setting.value)
    except ValueError as error:
        raise ConfigError(f"{setting.key}: {error}\n  set in {setting.place}") from error
    if is_group(setting.key, conf) and not isinstance(setting.value, Mapping):
        value = value.replace("'", "") if _is_choice(setting.value) else value
    return f"{setting.key}={value}"


def _is_choice(value: object) -> bool:
    names = value if isinstance(value, list) else [value]
    return all(isinstance(name, str) and re.fullmatch(r"\w[\w.-]*", name) for name in names)


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
