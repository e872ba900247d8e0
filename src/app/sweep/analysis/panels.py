"""What `curves` draws: means over repeats by x, a line for each group, a panel for what is left."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.errors import ConfigError, nearest
from app.sweep.ledger import SweepState
from app.sweep.scores import SEED, Mean, finished, scores_of, seed_of_run
from app.sweep.words import smaller_work, varying_axes

MODEL = "model"
NEEDED = 2  # repeats of different seeds, for an interval

Place = dict[str, str]  # axis (or `model`) -> value of one score


@dataclass
class Panel:
    """group -> x -> scores; `title` says which values the rest of the axes have."""

    title: str
    lines: dict[str, dict[str, Mean]] = field(default_factory=dict)


@dataclass
class Panels:
    """One drawing."""

    metric: str
    x_axis: str
    group: str  # "" where there is one group only
    xs: list[str]  # in the order in which they are drawn
    groups: list[str]
    panels: list[Panel]
    confidence: float
    caption: str

    @property
    def is_numeric(self) -> bool:
        return is_numeric(self.xs)


def panels(
    state: SweepState, metric: str, x_axis: str | None, group: str | None, confidence: float
) -> Panels | None:
    """The scores of finished runs in their places; None where no run has any score yet."""
    scores, left_out = _scores(state, metric)
    if not scores:
        return None
    axes = [axis for axis in varying_axes(state.runs.values()) if axis != SEED]
    places = [place for place, _, _ in scores]
    for key, named in (("x_axis", x_axis), ("group", group)):
        if named is not None and named not in places[0]:
            raise ConfigError(f"{key}={named}: no such axis{nearest(named, places[0])}")
    x_axis = x_axis or _best_x(axes, places)
    group = _best_group(x_axis, axes, places) if group is None else group
    rest = _rest([MODEL, *axes], x_axis, group, places)
    found: dict[tuple[str, ...], Panel] = {}
    for place, value, seed in scores:
        title = "  ".join(f"{axis}={place[axis]}" for axis in rest)
        panel = found.setdefault(tuple(place[axis] for axis in rest), Panel(title))
        line = panel.lines.setdefault(place.get(group, ""), {})
        line.setdefault(place[x_axis], Mean()).add(value, seed)
    xs = list(dict.fromkeys(place[x_axis] for place in places))
    return Panels(
        metric=metric,
        x_axis=x_axis,
        group=group,
        xs=sorted(xs, key=float) if is_numeric(xs) else xs,
        groups=list(dict.fromkeys(place.get(group, "") for place in places)),
        panels=list(found.values()),
        confidence=confidence,
        caption=_caption(found.values(), confidence, left_out),
    )


def is_numeric(values: Sequence[str]) -> bool:
    """Whether the values are numbers, and more than one."""
    try:
        return len({float(value) for value in values}) > 1
    except ValueError:
        return False


def _scores(
    state: SweepState, metric: str
) -> tuple[list[tuple[Place, float, int | str | None]], int]:
    """(place, score, seed) of each model of each finished run, and how many were left out since a
    backoff had made their work smaller."""
    names = dict.fromkeys(axis for run in state.runs.values() for axis in run.axes)
    scores: list[tuple[Place, float, int | str | None]] = []
    known: set[str] = set()
    left_out = 0
    for run in finished(state.runs.values()):
        axes = {axis: run.axes.get(axis, "") for axis in names}
        for model, told in scores_of(run).items():
            known.update(told)
            if metric not in told or told[metric] != told[metric]:  # absent, or not a number
                continue
            if smaller_work(run):
                left_out += 1
            else:
                scores.append(({**axes, MODEL: model}, told[metric], seed_of_run(run)))
    if known and metric not in known:
        raise ConfigError(f"metric={metric}: no finished run has it{nearest(metric, known)}")
    return scores, left_out


def _best_x(axes: Sequence[str], places: Sequence[Place]) -> str:
    """The numeric axis with most values, else the first; an axis that only names the model is
    the model."""
    free = [axis for axis in axes if not _follows(axis, [MODEL], places)]
    if not free:
        return MODEL
    values = {axis: {place[axis] for place in places} for axis in free}
    numeric = [axis for axis in free if is_numeric(list(values[axis]))]
    several = [axis for axis in free if len(values[axis]) > 1]  # the others only failed
    return max(numeric, key=lambda axis: len(values[axis])) if numeric else [*several, *free][0]


def _best_group(x_axis: str, axes: Sequence[str], places: Sequence[Place]) -> str:
    """The model, else the first axis that is left; "" where x says it all."""
    for name in (MODEL, *axes):
        several = len({place[name] for place in places}) > 1
        if name != x_axis and several and not _follows(name, [x_axis], places):
            return name
    return ""


def _rest(names: Iterable[str], x_axis: str, group: str, places: Sequence[Place]) -> list[str]:
    """What panels are for: axes that do not follow from x, the group and each other."""
    used = [name for name in (x_axis, group) if name]
    for name in names:
        if name not in used and not _follows(name, used, places):
            used.append(name)
    return [name for name in used if name not in (x_axis, group)]


def _follows(name: str, known: Sequence[str], places: Sequence[Place]) -> bool:
    """Whether the values of `known` say which value `name` has."""
    pairs = {(tuple(place[axis] for axis in known), place[name]) for place in places}
    return len({key for key, _ in pairs}) == len(pairs)


def _caption(found: Iterable[Panel], confidence: float, left_out: int) -> str:
    means = [one for panel in found for line in panel.lines.values() for one in line.values()]
    repeats = Counter(one.n for one in means)
    few, most = min(repeats), max(repeats)
    said = f"Means of {few} repeats" if few == most else f"Means of {few} to {most} repeats"
    said = "Single runs, no repeats" if most == 1 else said
    bare = sum(one.half() is None for one in means)
    if bare < len(means):
        said += f"; {confidence:.0%} t intervals"
    elif most > 1:
        said += "; no intervals, since all repeats have one seed"
    if 0 < bare < len(means):
        said += f"; {bare} of {len(means)} (hollow) have too few repeats for an interval"
    if left_out:
        said += f"; {left_out} scores left out, of work made smaller after running out of memory"
    return said + "."
