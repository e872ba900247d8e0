"""What a long run may spend, and what must still happen when it is nearly spent."""

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from app.config.base import Group
from app.config.durations import deadline_at, seconds_of


class Budget(Group):
    """Time is that of the run's own processes: what a killed one had spent counts, the pause
    before the next does not. A run that ended at its deadline has a new budget when it goes on."""

    total: str | None = None  # e.g. 9h; null: none
    deadline: str | None = None  # a time of the clock, 2026-11-21T08:00, which no pause moves
    phases: dict[str, str] = {}  # phase -> the most it may take
    reserve: str | None = None  # for the phases after training; null: their measured cost
    on_deadline: Literal["safe_submit"] = "safe_submit"  # checkpoint, and finish the reserved
    # phases with the best so far; there is no other policy

    @field_validator("total", "reserve")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        if value is not None and seconds_of(value) <= 0:
            raise ValueError(f"{value!r} is no time at all")
        return value

    @field_validator("deadline")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        if value is not None:
            deadline_at(value, datetime.now(UTC))
        return value

    @field_validator("phases")
    @classmethod
    def _are_durations(cls, value: dict[str, str]) -> dict[str, str]:
        for duration in value.values():
            seconds_of(duration)
        return value

    @model_validator(mode="after")
    def _reserve_leaves_time(self) -> Self:
        if self.total and self.reserve and seconds_of(self.reserve) >= seconds_of(self.total):
            raise ValueError(
                f"reserve={self.reserve} is all of total={self.total}: nothing is left to train in"
            )
        return self


class Checkpointing(Group):
    """How often a run is saved, and what it goes on from."""

    every: int = Field(default=1, ge=1)  # iterations; written off the hot path
    generations: int = Field(default=2, ge=2)  # kept; a damaged newest one leaves the one before
    resume: bool = True  # false: the earlier run of this name is moved aside
    resume_from: str | None = None  # models:/vesuvius@latest: a published checkpoint; the newer
    # of it and the local one is taken
    publish: bool = True  # each run ends by publishing its checkpoint as a model version
