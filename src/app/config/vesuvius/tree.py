"""The config tree of `vesuvius`."""

import hashlib
import json
from typing import Any

from pydantic import Field

from app.config.base import NAME
from app.config.budget import Budget, Checkpointing
from app.config.tree import Config
from app.config.vesuvius.features import Design, Features, Sampling
from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.training import Distillation, Search, Solver, Training
from app.config.vesuvius.volumes import Volumes


class StudyConfig(Config):
    """The groups of `vesuvius`."""

    run_name: str = Field(pattern=NAME)  # its folder of reports
    volumes: Volumes
    features: Features
    sampling: Sampling
    design: Design
    training: Training
    solver: Solver
    search: Search
    distillation: Distillation
    segmentation: Segmentation
    judging: Judging
    budget: Budget
    checkpoint: Checkpointing

    def derived(self) -> dict[str, Any]:
        return {"prepared_key": self._prepared_key()}

    def _prepared_key(self) -> str:
        """Names the folder of what `prepare` makes, so that another choice has another folder."""
        parts = (self.volumes, self.features, self.sampling)
        chosen = [part.model_dump(mode="json") for part in parts]
        told = json.dumps([*chosen, self.seed, self.data_root], sort_keys=True)
        return f"{self.volumes.name}-{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"
