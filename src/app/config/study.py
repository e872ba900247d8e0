"""Which study the overrides of a command mean: `study=`, else `pipeline=`, else that of their
profile or experiment, else the default."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from app.config.tree import STUDIES
from app.errors import ConfigError

_CHOICE = re.compile(r"^\s*-\s*(?:override\s+)?/?study:\s*(\w+)", re.MULTILINE)
_GROUP = re.compile(r"^\s*-\s*/(\w+):", re.MULTILINE)


def study_of(overrides: Sequence[str], conf: Path) -> str:
    """The study that `overrides` run.

    Raises:
        ConfigError: pipelines of several studies are asked for at once.
    """
    return named_study(overrides, conf) or _default(conf)


def named_study(overrides: Sequence[str], conf: Path) -> str | None:
    """The study that `overrides` name themselves, by any of these ways; None: they name none."""
    told = dict(item.lstrip("+~").partition("=")[::2] for item in overrides)
    if "study" in told:
        return told["study"]
    if (named := _in_pipelines(told.get("pipeline", ""))) is not None:
        return named
    for group in ("experiment", "profile"):
        file = conf / group / f"{told.get(group)}.yaml"
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if chosen := _CHOICE.search(text):
            return chosen[1]
        profile = re.search(r"override\s+/profile:\s*([\w.-]+)", text)
        if profile is not None:
            return named_study([f"profile={profile[1]}"], conf)
    return None


def with_study(overrides: Sequence[str], conf: Path) -> list[str]:
    """`overrides` with the choice of the study that their `pipeline=` implies."""
    told = {item.lstrip("+~").partition("=")[0] for item in overrides}
    if "study" in told or "pipeline" not in told:
        return list(overrides)
    study = study_of(overrides, conf)
    return [*overrides] if study == _default(conf) else [f"study={study}", *overrides]


def groups_of(study: str, conf: Path) -> set[str]:
    """The folders of choices that belong to one study alone."""
    file = conf / "study" / f"{study}.yaml"
    return set(_GROUP.findall(file.read_text(encoding="utf-8"))) if file.is_file() else set()


def require_groups(
    choices: Mapping[str, str], study: str, conf: Path, places: Mapping[str, str]
) -> None:
    """Refuses choices of a study that is not the one of this run. `places`: where they were made.

    Raises:
        ConfigError: names the group and the studies that have it.
    """
    own = groups_of(study, conf)
    for group, choice in choices.items():
        others = [name for name in STUDIES if group in groups_of(name, conf)]
        if others and group not in own:
            raise ConfigError(
                f"{group}={choice}: the study {study} has no such choice; it belongs to "
                f"{' and '.join(others)}: add pipeline={others[0]}, or a profile of it\n"
                f"  {places[group]}"
            )


def _in_pipelines(pipelines: str) -> str | None:
    names = re.findall(r"[\w.]+", pipelines)
    named = {name.split(".")[0] for name in names} & set(STUDIES)
    if len(named) > 1:
        raise ConfigError(
            f"pipeline={pipelines}: these are pipelines of {len(named)} studies "
            f"({', '.join(sorted(named))}), whose configs differ; one command runs one study"
        )
    return named.pop() if named else None


@cache
def _default(conf: Path) -> str:
    chosen = _CHOICE.search((conf / "config.yaml").read_text(encoding="utf-8"))
    return chosen[1] if chosen else STUDIES[0]
