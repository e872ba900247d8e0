"""`kedro status` and `kedro watch`: the work that runs, or ran last, and how far it is."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.console import errors_on_one_screen
from app.errors import ConfigError, InputError

if TYPE_CHECKING:
    from app.durable.status import Status

DATA = Path("data")
WRITTEN = ("reports", "running", "superior")  # folders of data/ in which runs keep their status
HEADS = ["run", "state", "phase", "%", "cursor", "ETA", "speed", "RAM", "budget left", "path"]
ENDED_SHOWN = 5  # of the work that has ended, unless a PATH is given
COLOURS = {
    "finished": "green", "running": "cyan", "stopped": "yellow", "deadline": "yellow",
    "failed": "red", "killed": "red", "unreadable": "red",
}  # fmt: skip

Found = tuple[bool, float, list[str]]  # is it running, when it was last heard of, its line


@click.command("status")
@click.argument("where", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
def status(where: Path | None) -> None:
    """Show the work that runs, or ran last, under data/ or PATH: runs with a status.json, and
    sweeps.

    A run is running, finished, stopped (in order: the same command goes on with it), deadline (its
    budget is spent; so does it), failed, or killed (its process is gone; so does it).
    """
    with errors_on_one_screen():
        click.echo("\n".join(_lines(where)))


@click.command("watch")
@click.argument("where", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@click.option("--every", default=1.0, show_default=True, help="Seconds between two looks.")
def watch(where: Path | None, every: float) -> None:
    """Show the same as `kedro status`, live, until Ctrl-C."""
    with errors_on_one_screen():
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        with (
            Live(console=Console(), auto_refresh=False, screen=False) as live,
            _until_ctrl_c(),
        ):
            while True:
                live.update(Text.from_ansi("\n".join(_lines(where)), no_wrap=True), refresh=True)
                time.sleep(every)


class _until_ctrl_c:
    """Ctrl-C is how a person ends watching, not how a run fails."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, KeyboardInterrupt)


def _lines(where: Path | None) -> list[str]:
    """The table, a line a run: what runs first, then what was heard of last."""
    if where is not None and not where.exists():
        raise ConfigError(f"{where}: no such file or folder")
    found = sorted(_found(where), key=lambda row: row[:2], reverse=True)
    if not found:
        return [f"nothing runs, or ran, under {where or DATA}"]
    ended = [row for row in found if not row[0]]
    hidden = [] if where else ended[ENDED_SHOWN:]
    lines = _columns([HEADS, *(row[2] for row in found if row not in hidden)])
    if hidden:
        lines.append(f"and {len(hidden)} that ended earlier; kedro status PATH shows all of PATH")
    return lines


def _found(where: Path | None) -> Iterator[Found]:
    if where is not None and where.is_file():
        yield _row_of_run(where)
        return
    for top in [where] if where else [DATA / name for name in WRITTEN]:
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if not name.startswith(".")]
            if "status.json" in files:
                yield _row_of_run(Path(folder, "status.json"))
            if "ledger.jsonl" in files:
                yield from _row_of_sweep(Path(folder))


def _row_of_run(path: Path) -> Found:
    from app.durable.status import read_status, state_now

    try:
        told = read_status(path)
    except InputError:
        return False, 0.0, [path.parent.name, "unreadable", *[""] * 7, str(path)]
    state = state_now(told)
    return state == "running", told.updated.timestamp(), _cells(told, state, path.parent)


def _cells(told: "Status", state: str, folder: Path) -> list[str]:
    from app.sweep.words import memory

    lives = state == "running"
    silent = (datetime.now(UTC) - told.updated).total_seconds()
    return [
        f"{told.study} {told.run}",
        state if not lives or silent < 60 else f"silent {_duration(silent)}",
        told.phase,
        f"{told.percent:.1f}",
        " ".join(f"{name}={value}" for name, value in told.cursor.items()),
        _duration(told.eta_s) if lives and told.eta_s is not None else "",
        f"{told.speed:.3g} {told.unit}/s" if lives and told.speed is not None and told.unit else "",
        memory(told.rss_mb / 1000.0) if lives else "",
        "" if told.budget_left_s is None else _duration(max(told.budget_left_s, 0.0)),
        str(folder),
    ]


def _row_of_sweep(folder: Path) -> Iterator[Found]:
    """A sweep that runs; `kedro sweeps` lists them all."""
    from app.sweep.ledger import read_state
    from app.sweep.status import status_of

    try:
        state = read_state(folder)
        told = status_of(state)
    except (ValueError, KeyError, TypeError):
        return
    if told.name == "running":
        eta = "" if told.eta_s is None else _duration(told.eta_s)
        percent = f"{100.0 * told.done / max(told.total, 1):.1f}"
        cells = [state.exp_id or folder.name, told.name, "sweep", percent]
        cells += [f"{told.done}/{told.total} runs", eta, "", "", "", str(folder)]
        yield True, told.last_ns / 1e9, cells


def _duration(seconds: float) -> str:
    from app.sweep.words import duration

    return duration(seconds)


def _columns(rows: list[list[str]]) -> list[str]:
    """Lines of a table; the second column is a state, and coloured on a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if row[1] in COLOURS:
            cells[1] = click.style(cells[1], fg=COLOURS[row[1]])
        shown = (cell for cell, width in zip(cells, widths, strict=True) if width)
        lines.append("  ".join(shown).rstrip())
    return lines
