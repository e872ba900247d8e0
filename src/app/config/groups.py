"""Config groups: folders of `conf/` whose files are the choices."""

import os
from pathlib import Path

PRESETS = ("profile", "experiment")  # groups that set keys of the others, or none
_NOT_GROUPS = {"base", "local", "ideology"}  # folders of conf/ that hold no choices


def is_group(name: str, conf: Path) -> bool:
    """Whether `name` is a folder of choices in `conf`."""
    folder = conf / name
    return name.split("/")[0] not in _NOT_GROUPS and os.sep not in name and folder.is_dir()


def choices(group: str, conf: Path) -> list[str]:
    """The choices of a config group: its YAML files."""
    return sorted(file.stem for file in (conf / group).glob("*.yaml"))
