"""Real progress over the phases of a run: P = sum of W_i P_i, W_i the share of phase i in the cost.

What is shown never falls. When the weights change, or a target moves away (more epochs than were
planned), the rest of the bar is given to the rest of the work: from a point where s was shown and
P was p0, shown = s + (1 - s) (P - p0) / (1 - p0).

A percentage that was told anywhere can be held against the computed one (`disagreement`): the
system before this one told 33.33 % for hours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

PROFILES = 5  # earlier runs that weights are taken from: the newest
TOLERANCE = 0.01  # of a told share; what is told twice a second is as old as that
CURSOR = ("epoch", "epochs", "candidate_index", "candidate_total", "iter", "max_iter")


@dataclass(frozen=True)
class _Point:
    """The state of a progress: replaced whole, so that another thread, and work that goes on after
    an interrupt, never see half of it."""

    weights: dict[str, float]
    fractions: dict[str, float]
    held: float = 0.0  # the share that was shown when the rest was given anew
    held_raw: float = 0.0  # the sum of W_i P_i then

    @property
    def is_whole(self) -> bool:
        return min(self.fractions.values()) >= 1.0

    @property
    def raw(self) -> float:
        if self.is_whole:
            return 1.0
        done = sum(weight * self.fractions[name] for name, weight in self.weights.items())
        return done / sum(self.weights.values())

    @property
    def shown(self) -> float:
        if self.is_whole:
            return 1.0
        rest = 1.0 - self.held_raw
        moved = (self.raw - self.held_raw) / rest if rest > 0.0 else 0.0
        return self.held + (1.0 - self.held) * moved


class PhaseProgress:
    """How much of a run is done.

    `weights`: phase -> its expected cost, in the order of the phases; any unit.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        if not weights or min(weights.values()) < 0.0 or sum(weights.values()) <= 0.0:
            raise ValueError(f"phases need weights of at least 0, one of them above: {weights}")
        self._point = _Point(dict(weights), dict.fromkeys(weights, 0.0))

    @property
    def weights(self) -> Mapping[str, float]:
        return self._point.weights

    @property
    def fractions(self) -> Mapping[str, float]:
        """phase -> how much of it is done, 0 to 1."""
        return self._point.fractions

    @property
    def shown(self) -> float:
        """0 to 1; never less than before."""
        return self._point.shown

    @property
    def is_whole(self) -> bool:
        """Whether every phase is done."""
        return self._point.is_whole

    def advance(self, phase: str, fraction: float) -> None:
        """`fraction` of the phase is done, 0 to 1; less than before when its target has moved."""
        self._move({**self.fractions, phase: min(max(fraction, 0.0), 1.0)})

    def begin(self, phase: str) -> None:
        """The phase starts, anew if it was done before; so will those after it."""
        names = list(self.fractions)
        self._move({**self.fractions, **dict.fromkeys(names[names.index(phase) :], 0.0)})

    def restore(self, done: Iterable[str]) -> None:
        """An earlier process has finished these phases."""
        self._move({**self.fractions, **dict.fromkeys(done, 1.0)})

    def reweigh(self, weights: Mapping[str, float]) -> None:
        """Other costs are expected, of some phases or of all."""
        point = self._point
        self._point = _held(replace(point, weights={**point.weights, **weights}), point.shown)

    def disagreement(self, told: float, phase: str | None = None) -> float | None:
        """How far a told share (of the phase, else of the run; 0 to 1) is from the computed one;
        None: no farther than `TOLERANCE`."""
        away = told - (self.shown if phase is None else self.fractions[phase])
        return away if abs(away) > TOLERANCE else None

    def _move(self, fractions: dict[str, float]) -> None:
        before = self._point
        after = replace(before, fractions=fractions)
        self._point = _held(after, before.shown) if after.raw < before.raw else after


def _held(point: _Point, shown: float) -> _Point:
    """What was shown stays; the rest of the bar is for the rest of the work."""
    return replace(point, held=shown, held_raw=point.raw)


def cursor_fraction(cursor: Mapping[str, Any]) -> float | None:
    """P = (epoch + candidate_index/candidate_total + width (iter/max_iter)/candidate_total) /
    epochs; None for a cursor without these keys.

    `epoch` and `candidate_index` count what is finished, from 0; `width` candidates (default 1)
    take their iterations together; `epochs` is the target.
    """
    if any(key not in cursor for key in CURSOR):
        return None
    epoch, epochs, index, total, iteration, most = (float(cursor[key]) for key in CURSOR)
    width = float(cursor.get("width", 1))
    candidates = index + width * iteration / most if most else index
    return min((epoch + min(candidates / total, 1.0)) / epochs, 1.0) if total and epochs else 0.0


def calibrated(
    weights: Mapping[str, float], profiles: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, float], int]:
    """Weights in seconds, from the profiles of earlier runs (`RUN_PROFILE_SUMMARY.json`, the newest
    first), and how many were used; without any, `weights` as they are, and 0.

    The median of each phase over the runs that finished it. A phase that no run finished keeps its
    weight among the others.
    """
    known = list(profiles)[:PROFILES]
    costs: dict[str, float] = {}
    for name in weights:
        told = [
            float(profile["phases"][name]["seconds"])
            for profile in known
            if profile["phases"].get(name, {}).get("fraction", 0.0) >= 1.0
        ]
        if told:
            costs[name] = median(told)
    planned = sum(weights[name] for name in costs)
    if not planned or not sum(costs.values()):
        return dict(weights), 0
    second = sum(costs.values()) / planned
    return {name: costs.get(name, weight * second) for name, weight in weights.items()}, len(known)
