"""The top of a report: how the sweep stands, its figures, and what to know before believing it."""

from typing import Any

from app.sweep.ledger import SweepState
from app.sweep.report.ranking import Rank
from app.sweep.scores import finished, is_cost
from app.sweep.status import Status, busy_seconds
from app.sweep.words import backoff_text, duration, memory, varying_axes

Row = dict[str, Any]


def subtitle(state: SweepState) -> str:
    runs = state.runs.values()
    grid = " × ".join(f"{len(values)} {axis}" for axis, values in varying_axes(runs).items())
    repeats = max((run.repeat for run in runs), default=0) + 1
    said = f"{len(runs)} runs" + (f": {grid}" if grid else "")
    return said + (f", {repeats} repeats" if repeats > 1 else "")


def headline(status: Status) -> str:
    match status.name:
        case "finished" if status.failures or status.skipped:
            told = [f"{status.failures} failed"] if status.failures else []
            told += [f"{status.skipped} were skipped"] if status.skipped else []
            return f"Finished: all {status.total} runs have ended; {' and '.join(told)}."
        case "finished":
            return f"Finished: all {status.total} runs have ended well."
        case "running":
            return f"Running ({status.reason}): {status.done} of {status.total} runs have ended."
        case "planned":
            return f"Planned: {status.total} runs, none of them started."
        case _:
            said = "Stopped" if status.name == "stopped" else "Killed"
            return (
                f"{said} ({status.reason}): {status.done} of {status.total} runs have ended, "
                f"{status.left} are left."
            )


def advice(status: Status) -> str:
    if status.name in ("stopped", "killed", "planned"):
        return "To go on, give the same command again; no finished run is repeated:"
    if status.name == "finished" and (status.failures or status.skipped):
        return "To run again what failed or was skipped, and nothing else:"
    return ""


def tiles(status: Status, state: SweepState, ranks: list[Rank], metric: str) -> list[Row]:
    counts = state.counts()
    left = {name: n for name, n in counts.items() if name not in ("ok", "planned")}
    told = ", ".join(f"{n} {name}" for name, n in sorted(left.items())) or "none failed"
    tiles = []
    if ranks:
        best = ranks[0]
        value = f"{best.mean:.3f}" + (f" ± {best.half:.3f}" if best.half is not None else "")
        detail = f"{metric.replace('_', ' ')}, {best.repeats}: {best.text()}"
        tiles.append({"what": f"best mean of {len(ranks)}", "value": value, "detail": detail})
    busy = busy_seconds(list(state.runs.values()))
    cpu = sum(run.cpu_s for run in state.runs.values())
    peak = max((run.peak_gb for run in state.runs.values()), default=0.0)
    limit = state.supervisor.get("max_ram_gb")
    return [
        *tiles,
        {
            "what": "runs ended well",
            "value": f"{counts.get('ok', 0)} of {status.total}",
            "detail": told,
        },
        {"what": "time at work", "value": duration(busy), "detail": f"{duration(cpu)} of CPU"},
        {
            "what": "largest run",
            "value": memory(peak),
            "detail": f"all together at most {memory(float(limit))}" if limit else "peak memory",
        },
    ]


def warnings(state: SweepState, status: Status) -> list[str]:
    runs = list(state.runs.values())
    notes = []
    if status.failures:
        notes.append(f"{status.failures} runs failed; the means are of the others.")
    if flagged := [run for run in runs if run.quality_flags]:
        notes.append(f"{len(flagged)} runs have quality flags: their scores are too low.")
    if smaller := [run for run in finished(runs) if run.backoff]:
        names = ", ".join(f"{run.run_id} ({backoff_text(run)})" for run in smaller[:5])
        notes.append(
            f"{len(smaller)} runs ended well only after they were changed for lack of memory: "
            f"{names}{', ...' if len(smaller) > 5 else ''}."
        )
    return notes


def metric_note(metric: str, ranks: list[Rank]) -> str:
    if not metric:
        return ""
    said = (
        f"Ranked by the mean of {metric} over the repeats of each combination"
        f"{', least first' if is_cost(metric) else ''}; ± is half the 95 % t interval of that "
        "mean, over repeats that differ in their seed."
    )
    if len(ranks) > 1:
        said += f" The best of {len(ranks)} is partly the luckiest of {len(ranks)}."
    return said
