"""The tables of a sweep, computed from its ledger's state: plan.tsv, runs.tsv, metrics_global.tsv.

Tab-separated as the `csv` module writes it; line breaks and tabs within a value become spaces. An
axis or metric named like another column is called `axis.NAME` or `metric.NAME`.
"""

import csv
import io
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.durable.atomic import write_text
from app.sweep.ledger import RunState, SweepState
from app.sweep.scores import families, scores_of
from app.sweep.words import backoff_text, one_line, when

Row = dict[str, Any]

PLAN, RUNS, METRICS = "plan.tsv", "runs.tsv", "metrics_global.tsv"
EARLY_STOP = "early_stop.log"

_PLAN = ("position", "run_id", "repeat", "seed", "kind", "resource", "overrides")
_RUNS = (
    "run_id", "status", "repeat", "seed", "attempts", "backoff", "changed", "seconds", "cpu_s",
    "peak_gb", "admitted_gb", "value", "quality_ok", "quality_flags", "flagged_models", "error",
    "because", "started", "ended", "log", "folder", "exit_code",
)  # fmt: skip
_METRICS = ("run_id", "status", "backoff", "repeat", "seed", "model", "family")


def write_plan(folder: Path, runs: Iterable[RunState]) -> None:
    """plan.tsv: a row for each run, in the order of the plan."""
    planned = list(runs)
    axes = _axis_columns(planned, _PLAN)
    rows = [
        {
            "position": run.position,
            "run_id": run.run_id,
            **_axes(run, axes),
            "repeat": run.repeat,
            "seed": run.seed,
            "kind": run.kind,
            "resource": run.resource,
            "overrides": shlex.join(run.overrides),
        }
        for run in planned
    ]
    _write(folder / PLAN, [*_PLAN[:2], *axes.values(), *_PLAN[2:]], rows)


def write_runs(folder: Path, state: SweepState) -> None:
    """runs.tsv: a row for each run, with how it ended and what it took."""
    axes = _axis_columns(state.runs.values(), _RUNS)
    _write(folder / RUNS, [*_RUNS[:2], *axes.values(), *_RUNS[2:]], runs_rows(state))


def write_metrics(folder: Path, state: SweepState) -> None:
    """metrics_global.tsv: a row for each model of each run, with every score."""
    rows = metrics_rows(state)
    axes = _axis_columns(state.runs.values(), _METRICS)
    first = ["run_id", *axes.values(), *_METRICS[1:]]
    names = dict.fromkeys(name for row in rows for name in row if name not in first)
    _write(folder / METRICS, [*first, *sorted(names)], rows)


def write_early_stop(folder: Path, state: SweepState) -> None:
    """logs/early_stop.log: a line for each flagged run, and for each run left out for one."""
    lines = []
    for run in sorted(state.runs.values(), key=lambda run: run.ended_ns):
        if run.quality_flags:
            lines.append(f"{when(run.ended_ns)} {run.run_id} {', '.join(run.quality_flags)}")
        elif run.status in ("skipped_repeats", "pruned"):
            lines.append(f"{when(run.ended_ns)} {run.run_id} {run.status}: {run.because}")
    path = folder / "logs" / EARLY_STOP
    if lines or path.exists():
        write_text(path, "".join(f"{line}\n" for line in lines))


def runs_rows(state: SweepState) -> list[Row]:
    """The rows of runs.tsv, as values."""
    axes = _axis_columns(state.runs.values(), _RUNS)
    return [
        {
            "run_id": run.run_id,
            "status": run.status,
            **_axes(run, axes),
            "repeat": run.repeat,
            "seed": run.seed,
            "attempts": run.attempt,
            "backoff": run.backoff,
            "changed": backoff_text(run),
            "seconds": round(run.seconds, 3),
            "cpu_s": round(run.cpu_s, 3),
            "peak_gb": round(run.peak_gb, 4),
            "admitted_gb": round(run.ram_gb, 4),
            "value": run.value,
            "quality_ok": run.quality_ok if run.status == "ok" else None,
            "quality_flags": ",".join(flags_of(run)),
            "flagged_models": ",".join(flagged_models(run)),
            "error": one_line(run.error),
            "because": one_line(run.because),
            "started": when(run.started_ns),
            "ended": when(run.ended_ns) if run.ended_ns > run.started_ns else "",
            "log": log_of(run) if run.attempt else "",
            "folder": run.folder,
            "exit_code": run.exit_code,
        }
        for run in state.runs.values()
    ]


def metrics_rows(state: SweepState) -> list[Row]:
    """The rows of metrics_global.tsv, as values; a row has the metrics of its own model."""
    axes = _axis_columns(state.runs.values(), _METRICS)
    taken = {*_METRICS, *axes.values()}
    known = families(state)
    return [
        {
            "run_id": run.run_id,
            **_axes(run, axes),
            "status": run.status,
            "backoff": run.backoff,
            "repeat": run.repeat,
            "seed": run.seed,
            "model": model,
            "family": known.get(model, ""),
            **{_free(name, taken, "metric"): score for name, score in scores.items()},
        }
        for run in state.runs.values()
        for model, scores in scores_of(run).items()
    ]


def flags_of(run: RunState) -> list[str]:
    """The quality flags of a run, whichever its models: `low_accuracy`, `low_macro_f1`."""
    return sorted({flag.rpartition(":")[2].strip() for flag in run.quality_flags})


def flagged_models(run: RunState) -> list[str]:
    named = (flag.rpartition(":")[0].strip() for flag in run.quality_flags)
    return list(dict.fromkeys(model for model in named if model))


def log_of(run: RunState) -> str:
    """The log of a run, below the sweep's folder."""
    return f"logs/run_{run.run_id}.log"


def _axis_columns(runs: Iterable[RunState], taken: Sequence[str]) -> dict[str, str]:
    """axis -> its column."""
    axes = dict.fromkeys(axis for run in runs for axis in run.axes)
    return {axis: _free(axis, taken, "axis") for axis in axes}


def _axes(run: RunState, columns: dict[str, str]) -> Row:
    return {column: run.axes.get(axis, "") for axis, column in columns.items()}


def _free(name: str, taken: Iterable[str], kind: str) -> str:
    return f"{kind}.{name}" if name in taken else name


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(map(_cell, columns))
    table.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)  # every digit: rows are compared with runs done alone
    return one_line(str(value).replace("\0", ""))
