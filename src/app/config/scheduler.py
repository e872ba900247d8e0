"""What a sweep may spend of the machine, and what becomes of runs that want more."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.config.base import Group
from app.config.durations import seconds_of


class ResourceClass(Group):
    """What a run of this class takes while it runs."""

    weight: int = Field(ge=1)  # of `superior.parallel`
    ram_gb: float = Field(gt=0)  # until a finished run of the same kind was measured


class Scheduler(Group):
    """Admission, limits, and the policy for runs out of memory."""

    max_ram_gb: float | None = Field(default=None, gt=0)  # null: 0.8 of the machine's memory
    classes: dict[str, ResourceClass] = {
        "light": ResourceClass(weight=1, ram_gb=0.5),
        "medium": ResourceClass(weight=1, ram_gb=1.5),
        "heavy": ResourceClass(weight=2, ram_gb=6.0),
    }
    class_of: dict[str, Literal["light", "medium", "heavy"]] = {
        "check": "light",
        "sklearn": "light",
        "spacy": "medium",
        "hf": "heavy",
        "volumes": "medium",
        "posterior": "light",
    }  # model family -> class; a run has the heaviest class of its families
    max_ram_per_run_gb: float | None = Field(default=None, gt=0)  # hard limit; null: none
    run_timeout: str | None = None  # of one run, e.g. 2h; null: none
    oom_policy: Literal["skip", "backoff", "stop"] = "skip"
    backoff: Literal["smaller_work", "bigger_slot"] = "smaller_work"
    backoff_factor: float = Field(default=0.5, gt=0.0)  # of max_train_docs_*, or of the limit
    max_backoffs: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        missing = {"light", "medium", "heavy"} - self.classes.keys()
        if missing or len(self.classes) > 3:
            raise ValueError("classes: they are light, medium and heavy")
        grows = self.backoff_factor > 1
        if self.oom_policy == "backoff" and grows != (self.backoff == "bigger_slot"):
            raise ValueError(
                f"backoff_factor={self.backoff_factor}: below 1 with backoff=smaller_work, above "
                "1 with backoff=bigger_slot"
            )
        if self.run_timeout is not None:
            seconds_of(self.run_timeout)
        return self
