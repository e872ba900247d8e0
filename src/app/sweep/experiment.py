"""Whether a command is the experiment that its ledger holds, and sweeps what it says it sweeps."""

from collections.abc import Sequence

from app.errors import ConfigError
from app.sweep.ledger import RunState, SweepState


def require_nothing_dropped(jobs: Sequence[Sequence[str]], state: SweepState) -> None:
    """Refuses a grid that lacks combinations which were planned; in another order will do.

    Raises:
        ConfigError: names some of them.
    """
    wanted = {tuple(job) for job in jobs}
    planned = {tuple(run.overrides) for run in state.runs.values()}
    dropped = sorted(planned - wanted)
    if dropped and not _only_reordered(dropped, wanted):
        shown = "; ".join(" ".join(overrides) for overrides in dropped[:3])
        raise ConfigError(
            f"exp_id={state.exp_id} holds another experiment: {len(dropped)} of its "
            f"combinations are not in this command ({shown})\n  give this one its own place, "
            "superior.exp_id=NAME; or superior.resume=false, which moves the earlier one aside"
        )


def _only_reordered(dropped: Sequence[tuple[str, ...]], wanted: set[tuple[str, ...]]) -> bool:
    """Whether each dropped combination is there in another order."""
    return {tuple(sorted(job)) for job in dropped} <= {tuple(sorted(job)) for job in wanted}


def duplicate(first: Sequence[str], second: Sequence[str]) -> str:
    return (
        f"two runs of this sweep have the same config: {' '.join(first)} and {' '.join(second)}\n"
        "  an axis that changes nothing, or a value given twice; for several runs of one config "
        "use superior.repeats=N"
    )


def reseeded(exp_id: str, before: RunState, now: RunState) -> str:
    return (
        f"exp_id={exp_id} has runs with other seeds: {' '.join(now.overrides) or 'its run'}, "
        f"repeat {now.repeat}, was planned with seed {before.seed} and has {now.seed} now "
        "(superior.seed_strategy was changed)\n  give this one its own place, "
        "superior.exp_id=NAME; or superior.resume=false, which moves the earlier one aside"
    )


def changed(exp_id: str, overrides: Sequence[str]) -> str:
    return (
        f"exp_id={exp_id} holds another experiment: {' '.join(overrides) or 'its run'} was planned "
        "with another config than it has now (a file of conf/ or an override was changed)\n"
        "  give this one its own place, superior.exp_id=NAME; or superior.resume=false, which "
        "moves the earlier one aside"
    )
