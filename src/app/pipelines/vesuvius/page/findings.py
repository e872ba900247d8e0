"""What report.html says, as the run found it: nothing here is formatted, nothing is computed twice.

Every part a run may not have come to is optional or empty; the page then leaves its section out
and says in a warning what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.pipelines.vesuvius.grid import Candidate
from app.pipelines.vesuvius.overlap import Truth

Score = Mapping[str, float]  # a score's name, as in judging.MEANS -> its value
Points = Sequence[tuple[float, float]]  # x, y


@dataclass(frozen=True)
class Pictured:
    """A test volume to be shown by its slices."""

    name: str
    image: np.ndarray  # (z, y, x), may be a memmap: only three slices are read
    mask: np.ndarray  # (z, y, x) uint8 class codes
    truth: Truth | None  # None: nobody labelled it


@dataclass(frozen=True)
class JudgedVolume:
    """The scores of one volume, of the model and of the forest beside it."""

    name: str
    scores: Mapping[str, Score]  # class -> Scores.to_json()
    forest: Mapping[str, Score] = field(default_factory=dict)  # the same; {}: there is none


@dataclass(frozen=True)
class Tried:
    """A candidate that was solved and compared on the validation rows."""

    candidate: Candidate
    measures: Mapping[str, float]  # scoring.Scores.of: score (lower is better), f1, ...
    curve: Points = ()  # iteration over all epochs, validation cross-entropy
    same_as: int | None = None  # index of the identical candidate it was taken from


@dataclass(frozen=True)
class Spent:
    """The time of a run, in seconds of its own processes."""

    phases: Mapping[str, float]  # phase -> seconds, in their order
    shares: Mapping[str, float]  # compute, log, I/O: 0 to 1 of the run
    progress: Points  # seconds, real fraction done 0 to 1
    restarts: Sequence[float] = ()  # seconds at which a killed or stopped run went on
    total_s: float | None = None  # the budget; None: none
    reserve_s: float = 0.0  # of it, for the phases after training
    facts: Mapping[str, str] = field(default_factory=dict)  # e.g. candidates per second -> 12.1

    @property
    def seconds(self) -> float:
        return sum(self.phases.values())


@dataclass(frozen=True)
class Distilled:
    """The evidence that the teacher taught the student."""

    updates: int  # executed updates of the student
    losses: Points  # update, loss
    validation: Mapping[str, float]  # F1 of: teacher, student before, student after
    events: Mapping[str, int]  # event name -> how many the journal holds
    checkpoints: Sequence[tuple[int, str]] = ()  # ts_ns, sha512


@dataclass(frozen=True)
class Findings:
    """All of it. `candidates` is the number planned; `tried` holds those there was time for."""

    run_name: str
    made: str  # when, as a person would write it
    cause: str  # why training ended: complete, deadline, interrupted, failed, ...
    fraction: float  # real progress, 0 to 1
    classes: Sequence[str]
    beta: float  # of F-beta
    surface_tolerance: float  # voxels
    volumes: Sequence[JudgedVolume]
    pictured: Sequence[Pictured]
    candidates: int
    tried: Sequence[Tried]
    best: int | None  # index of the candidate the model is of
    spent: Spent
    distilled: Distilled | None
    submission: Mapping[str, str]  # e.g. SHA-256, volumes, bytes
    warnings: Sequence[str] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
