"""`superior.dry_run=true`: the plan shown and written, nothing started."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.sweep.admission import Admission, Measured
from app.sweep.budget import max_ram_gb, parallel
from app.sweep.ledger import LEDGER, RunState, SweepState, read_state
from app.sweep.plan import Configs, make_plan, without_own
from app.sweep.session import Definition
from app.sweep.tables import write_plan

SHOWN = 60  # runs on the screen; plan.tsv has them all


def dry_run(sweep: Definition, jobs: Sequence[Sequence[str]], first: int) -> str:
    """Writes plan.tsv and says what a command without `dry_run` would do.

    Raises:
        ConfigError: the plan is wrong, or a run of it can never have the memory it needs.
    """
    folder = sweep.folder
    state = read_state(folder) if (folder / LEDGER).exists() else SweepState()
    named = [sweep.application.named(job) for job in without_own(jobs)]
    configs = Configs(sweep.compose, sweep.application)
    plan = make_plan(named, first, state, sweep.settings, configs)
    admission = Admission(
        scheduler=sweep.scheduler,
        slots=parallel(sweep.settings),
        max_ram_gb=max_ram_gb(sweep.settings, sweep.scheduler),
        measured=Measured.of(state.runs.values()),
    )
    admission.require_possible(plan.runs)
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(folder, plan.runs)
    return "\n".join(_lines(plan.runs, admission, folder))


def _lines(runs: Sequence[RunState], admission: Admission, folder: Path) -> Iterator[str]:
    axes = [
        axis
        for axis in dict.fromkeys(axis for run in runs for axis in run.axes)
        if len({run.axes.get(axis) for run in runs}) > 1
    ]
    rows = [("run_id", *axes, "repeat", "seed", "class", "GB", "status")]
    for run in runs[:SHOWN]:
        seed = "" if run.seed is None else run.seed
        cells = (run.run_id, *(run.axes.get(axis, "") for axis in axes), run.repeat, seed)
        gb = f"{admission.ram_gb(run):.1f}"
        rows.append((*map(str, cells), run.resource, gb, run.status))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(runs) > SHOWN:
        yield f"... and {len(runs) - SHOWN} more"
    left = sum(not run.is_final for run in runs)
    limit = admission.max_ram_gb
    within = "" if limit == float("inf") else f", within {limit:.1f} GB"
    yield (
        f"{len(runs)} runs, {left} to do, {admission.slots} at a time{within}; written to "
        f"{folder / 'plan.tsv'}; nothing was started"
    )
