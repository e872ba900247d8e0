"""What an estimate is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """Of the sampling of one model.

    `seconds`: expected; `seconds_most`: if its targets are met as late as they may be, or where
    that has no end, with what the estimate may be off by. `memory_bytes`: peak of the process, the
    report of these draws included. `how`: what was measured, and what was made of it.
    """

    seconds: float
    seconds_most: float
    memory_bytes: int
    evaluations: int
    per_evaluation_s: float
    how: str


@dataclass(frozen=True)
class Time:
    """The part of an estimate that a kind of sampler knows of."""

    seconds: float
    seconds_most: float
    evaluations: int
    how: str
