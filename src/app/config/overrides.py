"""Overrides, as they are read before anything is composed of them: `key=value`, `group=choice`,
and those with several values, which a sweep has a run for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from app.config.groups import PRESETS, choices, is_group
from app.config.settings import origin
from app.config.study import require_groups, study_of, with_study
from app.errors import ConfigError, nearest

HYDRA_PREFIXES = ("hydra.", "hydra/", "hydra@")


def checked_overrides(overrides: Sequence[str], conf: Path) -> list[str]:
    """`overrides` in the form Hydra takes, each group choice known to exist.

    A plain `key=value` becomes `++key=value`; sweeps over a group (`balance=none,oversample`)
    are checked choice by choice. `pipeline=vesuvius` brings its study with it.
    """
    ready, groups, places = [], {}, {}
    for override in with_study(overrides, conf):
        own = parsed(override)
        added = own.is_add() or own.is_force_add()
        if added or own.is_delete() or override.startswith(HYDRA_PREFIXES):
            ready.append(override)
        elif is_group(own.key_or_group, conf):
            _check_choices(own, conf)
            groups[own.key_or_group] = override.partition("=")[2]
            places[own.key_or_group] = origin(override)
            ready.append(override)
        else:
            ready.append(f"++{override}")
    require_groups(groups, study_of(overrides, conf), conf, places)
    return ready


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


def is_axis(override: str) -> bool:
    """Whether a sweep has a run for each of its values: `seed=1,2`, and not `a={b: 1, c: 2}`."""
    return bool(parsed(override).is_sweep_override())


def parsed(override: str) -> Override:
    try:
        return OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise ConfigError(
            f"cannot read the override {override!r}: write key=value, and a value with spaces or "
            f"accents in quotes of its own: \"key='a value'\". {first_line(error)}"
        ) from error


def _check_choices(override: Override, conf: Path) -> None:
    group = override.key_or_group
    known = choices(group, conf)
    for value in _values(override):
        _check_together(group, value, override)
    for chosen in _chosen(override):
        if chosen is None and group in PRESETS:
            continue
        if not isinstance(chosen, str) or chosen not in known:
            raise ConfigError(
                f"{group}={chosen}: no such choice{nearest(str(chosen), known)}\n"
                f"  {origin(str(override.input_line))}; choices are the files of conf/{group}/"
            )


def _check_together(group: str, value: Any, override: Override) -> None:
    """Several choices at once: none of them twice, and `none` only by itself."""
    names = [str(name) for name in value] if isinstance(value, list) else []
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        wrong = f"{twice[0]} is chosen twice; leave one out"
    elif "none" in names and len(names) > 1:
        others = ",".join(name for name in names if name != "none")
        wrong = f"none stands by itself; choose {group}=none or {group}=[{others}]"
    else:
        return
    raise ConfigError(f"{group}=[{','.join(names)}]: {wrong}\n  {origin(str(override.input_line))}")


def _chosen(override: Override) -> list[Any]:
    return [
        name
        for value in _values(override)
        for name in (value if isinstance(value, list) else [value])
    ]


def _values(override: Override) -> list[Any]:
    return [*override.sweep_iterator()] if override.is_sweep_override() else [override.value()]


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(_literal(item) for item in value) + "]"
    return str(value)


def first_line(error: Exception) -> str:
    """Of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
