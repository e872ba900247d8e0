"""Axes, durations, memory and scores as people read them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from app.sweep.ledger import RunState

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def varying_axes(runs: Iterable[RunState]) -> dict[str, list[str]]:
    """axis -> its values in the order of the plan, for the axes that have more than one.

    A run that does not name an axis that others name has the value "".
    """
    listed = list(runs)
    values: dict[str, dict[str, None]] = {}
    for run in listed:
        for axis in run.axes:
            values.setdefault(axis, {})
    for axis, seen in values.items():
        seen.update((run.axes.get(axis, ""), None) for run in listed)
    return {axis: list(seen) for axis, seen in values.items() if len(seen) > 1}


def shared_axes(runs: Iterable[RunState]) -> dict[str, str]:
    """What the overrides say that is the same in every run."""
    listed = list(runs)
    varying = varying_axes(listed)
    return {
        axis: value
        for axis, value in (listed[0].axes if listed else {}).items()
        if axis not in varying
    }


def axes_text(axes: Mapping[str, str], names: Iterable[str]) -> str:
    """`balance=none split.train_prop=0.7`: the axes of `names`, in their order."""
    return " ".join(f"{name}={axes[name]}" for name in names if name in axes)


def one_line(text: str) -> str:
    return " ".join(text.split())


def duration(seconds: float) -> str:
    """`412 ms`, `12.3 s`, `4 min 05 s`, `2 h 07 min`, `3 d 4 h`."""
    if seconds < 1.0:
        return f"{1000 * seconds:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < DAY:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def memory(gb: float) -> str:
    """`412 MB` or `1.2 GB`."""
    return f"{1000 * gb:.0f} MB" if gb < 1.0 else f"{gb:.1f} GB"


def when(ts_ns: int) -> str:
    """A moment in UTC, to the second; "" for none."""
    if not ts_ns:
        return ""
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def smaller_work(run: RunState) -> str:
    """What backoffs changed in the work of a run: its results are of other work than those of its
    repeats. A backoff to a bigger slot changes nothing in it."""
    changed: dict[str, object] = {}
    for change in run.changes:
        changed.update(change)
    return " ".join(f"{key}={value}" for key, value in changed.items())


def backoff_text(run: RunState) -> str:
    return smaller_work(run) or ("bigger slot" if run.backoff else "")
