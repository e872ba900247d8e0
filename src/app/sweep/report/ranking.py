"""Combinations ranked by their means, and the best for each family and each value of an axis."""

from dataclasses import dataclass

from app.sweep.ledger import RunState, SweepState
from app.sweep.scores import combinations

MODEL = "model"
FIRST = ("dataset", "view", "split")  # axes a reader asks for first
MOST_VALUES = 12  # an axis with more gets no table of its best


@dataclass(frozen=True)
class Rank:
    """One combination and its model."""

    place: int
    axes: dict[str, str]
    model: str
    family: str
    smaller: str
    mean: float
    half: float | None
    n: int
    planned: int
    is_one_seed: bool
    is_flagged: bool
    runs: list[RunState]

    @property
    def repeats(self) -> str:
        """`3 repeats`, `2 of 3 repeats`, `1 run`."""
        if self.planned == 1:
            return "1 run"
        if self.n == self.planned:
            return f"{self.n} repeats"
        return f"{self.n} of {self.planned} repeats"

    def text(self, without: str = "") -> str:
        """The model and the axes' values, but for one that is said already."""
        told = [f"{axis}={value}" for axis, value in self.axes.items() if axis != without]
        model = "" if without == MODEL else self.model
        return " ".join(part for part in [model, *told, self.smaller] if part) or "all the same"


@dataclass(frozen=True)
class BestOf:
    """The best combination for each value of one axis, each model, or each family."""

    name: str
    rows: list[tuple[str, Rank, int]]  # value, its best, among how many


def ranks(state: SweepState, metric: str) -> list[Rank]:
    """Every combination with a finished run, best mean first. An axis that only names the model
    is not told beside it."""
    found = combinations(state, metric)
    axes = list(found[0].axes) if found else []
    told = [axis for axis in axes if any(one.axes[axis] != one.model for one in found)]
    return [
        Rank(
            place=place,
            axes={axis: one.axes[axis] for axis in told},
            model=one.model,
            family=one.family,
            smaller=one.smaller,
            mean=one.scores.mean,
            half=one.scores.half(),
            n=one.scores.n,
            planned=one.planned,
            is_one_seed=one.scores.is_one_seed,
            is_flagged=any(_is_flagged(run, one.model) for run in one.runs),
            runs=one.runs,
        )
        for place, one in enumerate(found, start=1)
    ]


def best_of_each(ranked: list[Rank]) -> list[BestOf]:
    """The best by family, by model, and by every axis that varies, dataset and split first."""
    axes = sorted(ranked[0].axes, key=lambda axis: axis.split(".")[0] not in FIRST)
    values = {
        "family": [(rank.family, rank) for rank in ranked if rank.family],
        MODEL: [(rank.model, rank) for rank in ranked],
        **{axis: [(rank.axes[axis], rank) for rank in ranked] for axis in axes},
    }
    tables = [BestOf(name, _best(pairs)) for name, pairs in values.items()]
    return [table for table in tables if 1 < len(table.rows) <= MOST_VALUES]


def warnings(ranked: list[Rank]) -> list[str]:
    """What a reader of the ranking must know."""
    notes = []
    if any(rank.is_one_seed for rank in ranked):
        notes.append(
            "The repeats have one seed, so they are one measurement and give no interval; "
            "superior.seed_strategy=per_repeat gives each its own."
        )
    if fewer := [rank for rank in ranked if rank.n < rank.planned]:
        notes.append(f"{len(fewer)} of the {len(ranked)} means are of fewer repeats than planned.")
    if smaller := [rank for rank in ranked if rank.smaller]:
        notes.append(f"{len(smaller)} means are of work made smaller; they are rows of their own.")
    return notes


def _best(pairs: list[tuple[str, Rank]]) -> list[tuple[str, Rank, int]]:
    """The first of each value; the pairs are in the order of the ranking."""
    found: dict[str, list[Rank]] = {}
    for value, rank in pairs:
        found.setdefault(value, []).append(rank)
    return [(value, told[0], len(told)) for value, told in found.items()]


def _is_flagged(run: RunState, model: str) -> bool:
    return any(flag.rpartition(":")[0].strip() in ("", model) for flag in run.quality_flags)
