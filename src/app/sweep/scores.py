"""Scores of finished runs: means over repeats with t intervals, for each combination of axes.

A single best run is the luckiest of many; what is ranked and drawn is the mean of the repeats of
one combination. Repeats that share one seed are one measurement, and give no interval.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from app.sweep.ledger import RunState, SweepState
from app.sweep.words import smaller_work, varying_axes

Place = tuple[str, ...]  # a value for each axis

PREFERRED = ("macro_f1", "accuracy", "dice", "ln_z")  # ranked by the first that runs have
SEED = "seed"  # an axis of this name makes repeats, not combinations
VALUE = "value"  # the metric of a run that recorded none, but returned a number
_COSTS = re.compile(r"(^|[._-])(loss|error|nll|rmse|mse|mae|chi2|perplexity|[abd]ic|waic)($|[._-])")


@dataclass
class Mean:
    """The scores of repeats. `half` is half the width of the t interval of their mean."""

    values: list[float] = field(default_factory=list)
    seeds: list[int | str | None] = field(default_factory=list)

    def add(self, value: float, seed: int | str | None) -> None:
        self.values.append(value)
        self.seeds.append(seed)

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / self.n

    @property
    def is_one_seed(self) -> bool:
        """Several repeats, but of one seed."""
        return self.n > 1 and None not in self.seeds and len(set(self.seeds)) == 1

    def half(self, confidence: float = 0.95) -> float | None:
        """None for one repeat, or repeats of one seed."""
        if self.n < 2 or self.is_one_seed:
            return None
        mean = self.mean
        variance = math.fsum((value - mean) ** 2 for value in self.values) / (self.n - 1)
        return t_quantile(0.5 + confidence / 2, self.n - 1) * math.sqrt(variance / self.n)


@dataclass
class Combination:
    """One model under one combination of axis values, over its repeats."""

    axes: dict[str, str]  # those that vary
    model: str
    family: str  # "" where it is not known
    smaller: str  # what a backoff changed in the work: other results than of the full work
    planned: int  # repeats
    scores: Mean = field(default_factory=Mean)
    runs: list[RunState] = field(default_factory=list)


def scores_of(run: RunState) -> dict[str, dict[str, float]]:
    """model -> metric -> score; of a run that only returned a number, `value` of the model ""."""
    if run.metrics:
        return run.metrics
    is_number = isinstance(run.value, int | float) and not isinstance(run.value, bool)
    return {"": {VALUE: float(run.value)}} if is_number else {}


def ranking_metric(state: SweepState) -> str | None:
    """What combinations are ranked by: macro-F1 or accuracy, else what most runs have."""
    told = [scores for run in finished(state.runs.values()) for scores in scores_of(run).values()]
    for name in PREFERRED:
        if any(name in scores for scores in told):
            return name
    counts = Counter(name for scores in told for name in scores)
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def is_cost(metric: str) -> bool:
    """Whether less is better, by the metric's name."""
    return _COSTS.search(metric.lower()) is not None


def combinations(state: SweepState, metric: str) -> list[Combination]:
    """Every combination with finished runs, best mean first."""
    axes = [axis for axis in varying_axes(state.runs.values()) if axis != SEED]
    planned = Counter(_place(run, axes) for run in state.runs.values())
    known = families(state)
    found: dict[tuple[Place, str, str], Combination] = {}
    for run in finished(state.runs.values()):
        for model, scores in scores_of(run).items():
            value = scores.get(metric)
            if value is None or math.isnan(value):
                continue
            place, smaller = _place(run, axes), smaller_work(run)
            one = found.get((place, model, smaller))
            if one is None:
                values = dict(zip(axes, place, strict=True))
                one = Combination(values, model, known.get(model, ""), smaller, planned[place])
                found[place, model, smaller] = one
            one.scores.add(value, seed_of_run(run))
            one.runs.append(run)
    sign = 1 if is_cost(metric) else -1
    return sorted(found.values(), key=lambda one: (sign * one.scores.mean, one.model))


def seed_of_run(run: RunState) -> int | str | None:
    return run.axes.get(SEED, run.seed)


def _place(run: RunState, axes: Sequence[str]) -> Place:
    return tuple(run.axes.get(axis, "") for axis in axes)


def finished(runs: Iterable[RunState]) -> list[RunState]:
    return [run for run in runs if run.status == "ok"]


def families(state: SweepState) -> dict[str, str]:
    """model -> family, where the runs leave one answer: a model's family is among those of every
    run that has it."""
    possible: dict[str, set[str]] = {}
    for run in state.runs.values():
        for model in run.metrics:
            possible[model] = possible.get(model, set(run.families)) & set(run.families)
    return {model: next(iter(told)) for model, told in possible.items() if len(told) == 1}


@cache
def t_quantile(probability: float, degrees: int) -> float:
    """Of Student's t distribution."""
    from scipy.special import stdtrit  # comes with scikit-learn; only intervals need it

    return float(stdtrit(degrees, probability))


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
