"""What the runs took, and the seeds they had."""

from typing import Any

from app.sweep.ledger import RunState, SweepState
from app.sweep.scores import SEED, median
from app.sweep.status import busy_seconds
from app.sweep.words import duration

Row = dict[str, Any]


def kinds(runs: list[RunState]) -> list[Row]:
    """Time and memory of the finished runs of each kind."""
    found: dict[str, list[RunState]] = {}
    for run in runs:
        if run.attempt and run.is_final:
            found.setdefault(run.kind, []).append(run)
    return [
        {
            "kind": kind,
            "n": len(told),
            "seconds": median([run.seconds for run in told]),
            "most_seconds": max(run.seconds for run in told),
            "cpu_s": median([run.cpu_s for run in told]),
            "peak_gb": median([run.peak_gb for run in told]),
            "most_gb": max(run.peak_gb for run in told),
            "admitted_gb": told[-1].ram_gb,
        }
        for kind, told in found.items()
    ]


def times(state: SweepState) -> dict[str, str]:
    runs = [run for run in state.runs.values() if run.attempt and run.is_final]
    busy, seconds = busy_seconds(runs), sum(run.seconds for run in runs)
    cached = sum(bool(run.cached_stages) for run in runs)
    return {
        "time at work, at least one run": duration(busy),
        "sum of the runs": duration(seconds),
        "runs at a time, mean": f"{seconds / busy:.1f}" if busy else "",
        "CPU": duration(sum(run.cpu_s for run in runs)),
        "runs that took stages from the cache": f"{cached} of {len(runs)}",
    }


def seeds(state: SweepState) -> dict[str, str]:
    """repeat -> the seeds of its runs."""
    found: dict[int, set[str]] = {}
    for run in state.runs.values():
        found.setdefault(run.repeat, set()).add(run.axes.get(SEED, str(run.seed)))
    return {
        f"repeat {repeat}": ", ".join(sorted(seeds))
        if len(seeds) <= 3
        else f"{len(seeds)} different seeds (in plan.tsv)"
        for repeat, seeds in sorted(found.items())
    }
