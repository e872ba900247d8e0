"""What every study's config has; each study's own tree is `app.config.<study>.tree.StudyConfig`."""

from importlib import import_module
from typing import Any

from pydantic import Field

from app.config.base import Group
from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.config.tracking import Tracking

STUDIES = ("ideo", "vesuvius", "janus")
STAGES = ("prepare", "train", "sample", "evaluate", "report")


class Config(Group):
    """Everything `python -m app` and `kedro run` read, but for the groups of one study."""

    study: str
    pipeline: str
    seed: int = Field(ge=0, lt=2**32)
    data_root: str  # where raw data are looked up
    output_root: str  # data/: everything a run writes, except MLflow
    tracking: Tracking
    superior: Superior
    scheduler: Scheduler

    def derived(self) -> dict[str, Any]:
        """What the study's catalog reads besides the values themselves."""
        return {}


def schema_of(study: str) -> type[Config]:
    """The tree of a study; only its own schemas are imported."""
    schema: type[Config] = import_module(f"app.config.{study}.tree").StudyConfig
    return schema
