"""`kedro sweeps`: which sweeps there are and how they stand, or one of them in detail."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.console import errors_on_one_screen
from app.errors import ConfigError, InputError, nearest

if TYPE_CHECKING:
    from app.sweep.ledger import RunState, SweepState

SWEEPS = Path("data/superior")
COLOURS = {
    "finished": "green", "running": "cyan", "stopped": "yellow", "killed": "red",
    "unreadable": "red", "ok": "green", "failed": "red", "oom": "yellow", "timeout": "red",
}  # fmt: skip
ERROR_WIDTH = 60

Table = list[list[str]]


@click.command("sweeps")
@click.argument("where", metavar="[PATH | EXP_ID]", required=False)
def sweeps(where: str | None) -> None:
    """List the sweeps under data/superior, or under PATH; show one in detail: its EXP_ID or folder.

    A sweep is running, finished, stopped (the same command goes on with it), killed (its
    process is gone; the same command goes on with it) or planned (nothing was started).
    """
    with errors_on_one_screen():
        folder = Path(where) if where else SWEEPS
        if where and not folder.is_dir() and _is_sweep(SWEEPS / where):
            folder = SWEEPS / where
        if _is_sweep(folder):
            _show(folder)
            return
        found = list(_sweeps_of(folder))
        if not found and where:
            known = [path.name for path in _sweeps_of(SWEEPS)]
            raise ConfigError(f"{where}: no sweep there, nor of that name{nearest(where, known)}")
        if not found:
            click.echo(f"no sweeps yet in {folder}; python -m app -m AXIS=VALUE,VALUE makes one")
            return
        rows = sorted((_row(path) for path in found), key=lambda row: row[0], reverse=True)
        heads = ["exp_id", "status", "done", "failed", "left", "last activity", "path"]
        _echo([heads, *(row[1] for row in rows)])


def _is_sweep(folder: Path) -> bool:
    from app.sweep.ledger import LEDGER

    return (folder / LEDGER).is_file()


def _sweeps_of(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if _is_sweep(path))


def _read(folder: Path) -> "SweepState":
    from app.sweep.ledger import read_state

    try:
        return read_state(folder)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: its ledger cannot be read ({type(error).__name__}: {error}); `kedro "
            f"verify {folder}` names what was changed"
        ) from error


def _row(folder: Path) -> tuple[int, list[str]]:
    """When the sweep last did something, and its line."""
    from app.sweep.status import status_of
    from app.sweep.words import duration

    try:
        state = _read(folder)
    except InputError:
        return 0, [folder.name, "unreadable", "", "", "", "", str(folder)]
    status = status_of(state)
    left = ""
    if status.left:
        left = duration(status.eta_s) if status.eta_s is not None else "unknown"
    return status.last_ns, [
        state.exp_id or folder.name,
        status.name,
        f"{status.done}/{status.total}",
        str(status.failures) if status.failures else "",
        left,
        _ago(status.last_ns),
        str(folder),
    ]


def _ago(ts_ns: int) -> str:
    from app.sweep.words import duration

    if not ts_ns:
        return ""
    seconds = round(max(time.time_ns() - ts_ns, 0) / 1e9)
    return f"{seconds} s ago" if seconds < 60 else f"{duration(seconds)} ago"


def _show(folder: Path) -> None:
    """One sweep: how it stands, then its runs."""
    from app.sweep.scores import ranking_metric
    from app.sweep.status import status_of
    from app.sweep.words import duration, shared_axes, varying_axes

    state = _read(folder)
    status, metric = status_of(state), ranking_metric(state)
    runs = list(state.runs.values())
    counts = ", ".join(f"{n} {name}" for name, n in state.counts().items())
    reason = f" ({status.reason})" if status.reason else ""
    click.echo(f"{state.exp_id}: {status.name}{reason}, {status.done}/{status.total} ({counts})")
    if status.left and status.eta_s is not None:
        click.echo(f"about {duration(status.eta_s)} left")
    click.echo(f"last activity {_ago(status.last_ns)}" if status.last_ns else "nothing was started")
    if shared := shared_axes(runs):
        click.echo("every run: " + " ".join(f"{axis}={value}" for axis, value in shared.items()))
    click.echo(f"command: {state.command}")
    for name in ("report.html", "runs.tsv"):
        if (folder / name).exists():
            click.echo(f"{name}: {folder / name}")
    click.echo()
    axes = list(varying_axes(runs))
    heads = ["run", "status", *axes, "repeat", "time", "peak", metric or "", "told"]
    _echo([heads, *(_run_line(run, axes, metric) for run in runs)])


def _run_line(run: "RunState", axes: list[str], metric: str | None) -> list[str]:
    from app.sweep.scores import scores_of
    from app.sweep.words import duration, memory, one_line

    took = run.attempt > 0 and run.is_final
    scores = [
        f"{model} {told[metric]:.3f}".strip()
        for model, told in scores_of(run).items()
        if metric in told
    ]
    said = one_line(run.error or run.because) or ", ".join(run.quality_flags)
    return [
        run.run_id,
        run.status,
        *(run.axes.get(axis, "") for axis in axes),
        str(run.repeat),
        duration(run.seconds) if took else "",
        memory(run.peak_gb) if took else "",
        " ".join(scores),
        said if len(said) <= ERROR_WIDTH else said[: ERROR_WIDTH - 1] + "…",
    ]


def _echo(rows: Table) -> None:
    """Prints a table in columns; the second one is a status, and coloured on a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if number and row[1] in COLOURS:
            cells[1] = click.style(cells[1], fg=COLOURS[row[1]])
        shown = (cell for cell, width in zip(cells, widths, strict=True) if width)
        click.echo("  ".join(shown).rstrip())
