"""What follows from how a run ended: for its repeats, for its axis value, for the whole sweep."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.config.scheduler import Scheduler
from app.config.superior import EarlyStop
from app.sweep.ledger import RunState


@dataclass(frozen=True)
class Skip:
    """A run that is not to be started any more."""

    run_id: str
    status: str
    because: str


def quality_flags(
    metrics: Mapping[str, Mapping[str, float]], families: Mapping[str, str], rule: EarlyStop
) -> list[str]:
    """`model: low_accuracy`, `model: low_macro_f1` for the models of the families judged."""
    flags = []
    for model, scores in sorted(metrics.items()):
        if families.get(model, "") not in rule.families:
            continue
        for name, least in (("accuracy", rule.min_accuracy), ("macro_f1", rule.min_macro_f1)):
            if least is not None and name in scores and scores[name] < least:
                flags.append(f"{model}: low_{name}")
    return flags


def after_low_quality(run: RunState, runs: list[RunState], rule: EarlyStop) -> Iterator[Skip]:
    """The runs that `early_stop.action` takes out after a flagged run."""
    if rule.action == "flag" or not run.quality_flags:
        return
    told = f"{run.run_id} was flagged: {', '.join(run.quality_flags)}"
    for other in runs:
        if other.status not in ("planned", "interrupted"):
            continue
        if rule.action == "skip_repeats" and other.key == run.key:
            yield Skip(other.run_id, "skipped_repeats", told)
        elif rule.action == "prune" and rule.axis is not None:
            value = run.axes.get(rule.axis)
            if value is not None and other.axes.get(rule.axis) == value:
                yield Skip(other.run_id, "pruned", f"{told} ({rule.axis}={value})")


def after_oom(run: RunState, runs: list[RunState], scheduler: Scheduler) -> Iterator[Skip]:
    """The runs that `scheduler.oom_policy` takes out after a run ended out of memory."""
    told = f"{run.run_id} ran out of memory"
    for other in runs:
        if other.status not in ("planned", "interrupted"):
            continue
        if scheduler.oom_policy == "stop":
            yield Skip(other.run_id, "aborted_oom_policy", told)
        elif other.key == run.key:
            yield Skip(other.run_id, "skipped_oom", told)
