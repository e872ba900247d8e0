"""A running sweep as people see it: a live view on a terminal, a plain line for each run in a log.

The view is drawn by the supervisor's own loop, without a thread, since the supervisor forks. What
it shows is on stderr. When nobody can look any more (the terminal was closed), the sweep goes on.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from app.sweep.ledger import SKIPPED, RunState, SweepState
from app.sweep.scores import ranking_metric, scores_of
from app.sweep.status import FAILURES, eta_s
from app.sweep.tables import log_of
from app.sweep.words import axes_text, duration, memory, one_line, varying_axes

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

DRAW_EVERY_S = 0.25
RUNNING_SHOWN, ENDED_SHOWN, FAILURES_SHOWN = 8, 4, 4
STYLES = {"ok": "green", "running": "cyan", "oom": "yellow"}  # the others are red


class LiveView:
    """What a supervisor shows: `update` as often as it likes, `close` at the end."""

    def __init__(self, state: SweepState, stream: IO[str] | None = None) -> None:
        """`stream` is stderr. Runs that have ended already, before a resume, are not told again."""
        self._stream = sys.stderr if stream is None else stream
        self._axes: list[str] = []
        self._repeats, self._n_runs = False, 0
        self._told = {_end_of(run) for run in state.runs.values() if run.is_final}
        self._last: list[RunState] = []  # that ended well while this view was open
        self._metric = ranking_metric(state)
        self._drawn_at = 0.0
        self._is_open = True
        self._last_update: tuple[SweepState, Mapping[str, float], float, float] | None = None
        self._live: Any = None
        if self._stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown", None):
            from rich.console import Console  # only a terminal pays for the import
            from rich.live import Live

            console = Console(file=self._stream)
            self._live = Live(
                console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
            )

    def update(
        self,
        state: SweepState,
        running: Mapping[str, float],
        admitted_gb: float,
        max_ram_gb: float,
    ) -> None:
        """Shows the state; `running`: run_id -> resident GB of the runs at work."""
        if len(state.runs) != self._n_runs:  # a sweeper that learns plans more as it goes
            self._n_runs = len(state.runs)
            self._axes = list(varying_axes(state.runs.values()))
            self._repeats = any(run.repeat for run in state.runs.values())
        ended = [
            run for run in state.runs.values() if run.is_final and _end_of(run) not in self._told
        ]
        if ended:
            self._metric = ranking_metric(state)
        self._told.update(map(_end_of, ended))
        self._last = [*self._last, *(run for run in ended if run.status == "ok")][-ENDED_SHOWN:]
        self._last_update = (state, running, admitted_gb, max_ram_gb)
        if self._live is None:
            self._print_lines(state, ended)
        elif time.monotonic() - self._drawn_at >= DRAW_EVERY_S:
            self._draw()

    def close(self) -> None:
        """Draws what was last, and leaves it on the screen."""
        if self._live is not None and self._last_update is not None:
            self._draw()
        if self._live is not None and self._live.is_started:
            try:
                self._live.stop()
            except (OSError, ValueError):
                self._is_open = False

    def _print_lines(self, state: SweepState, ended: list[RunState]) -> None:
        done = sum(run.is_final for run in state.runs.values()) - len(ended)
        for number, run in enumerate(ended, start=done + 1):
            self._write(self._line(state, run, number) + "\n")

    def _line(self, state: SweepState, run: RunState, number: int) -> str:
        total = len(state.runs)
        parts = [f"[{number:>{len(str(total))}}/{total}] {run.status}", self._name(run)]
        if run.status in SKIPPED:
            parts.append(one_line(run.because))
        else:
            scores = _scores(run, self._metric)
            parts += [f"{self._metric} {scores}" if scores else "", one_line(run.error)]
            parts += [duration(run.seconds), memory(run.peak_gb)]
            parts.append(log_of(run) if run.status in FAILURES else "")
        return "  ".join(part for part in parts if part)

    def _name(self, run: RunState) -> str:
        told = axes_text(run.axes, self._axes)
        return f"{told} repeat={run.repeat}".strip() if self._repeats else told or run.run_id

    def _values(self, run: RunState) -> str:
        """The values of the axes alone; their names are above."""
        told = [run.axes.get(axis, "") for axis in self._axes]
        return ", ".join([*told, *([str(run.repeat)] if self._repeats else [])]) or run.run_id

    def _write(self, text: str) -> None:
        if not self._is_open:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a closed terminal or pipe
            self._is_open = False

    def _draw(self) -> None:
        if not self._is_open or self._last_update is None:
            return
        self._drawn_at = time.monotonic()
        try:
            if not self._live.is_started:
                self._live.start()
            self._live.update(self.drawing(*self._last_update), refresh=True)
        except (OSError, ValueError):
            self._is_open = False

    def drawing(
        self,
        state: SweepState,
        running: Mapping[str, float],
        admitted_gb: float,
        max_ram_gb: float,
    ) -> "RenderableType":
        """The view at one moment."""
        from rich.console import Group

        failed = [run for run in state.runs.values() if run.status in FAILURES]
        failed.sort(key=lambda run: run.ended_ns)
        at_work = [state.runs[run_id] for run_id in running]
        names = [*self._axes, *(["repeat"] if self._repeats else [])]
        table = _table(", ".join(names), self._metric or "")
        for runs, most in (
            (at_work, RUNNING_SHOWN), (self._last, ENDED_SHOWN), (failed, FAILURES_SHOWN),
        ):  # fmt: skip
            self._add(table, runs, most, running)
        used = sum(running.values())
        ram = f"{memory(used)} used, {memory(admitted_gb)} admitted, "
        ram += "no limit" if max_ram_gb == float("inf") else f"{memory(max_ram_gb)} limit"
        return Group(_progress(state), _left(state, ram, used > max_ram_gb), table)

    def _add(
        self, table: "Table", runs: list[RunState], most: int, running: Mapping[str, float]
    ) -> None:
        """The last of `runs`, a line each."""
        from rich.text import Text

        for run in runs[-most:]:
            if run.run_id in running:
                seconds = max(time.time_ns() - run.started_ns, 0) / 1e9
                gb, told = running[run.run_id], ""
            else:
                seconds, gb = run.seconds, run.peak_gb
                told = one_line(run.error) or _scores(run, self._metric)
            status = Text(run.status, style=STYLES.get(run.status, "red"))
            taken = (Text(duration(seconds)), Text(memory(gb)))
            table.add_row(status, *taken, Text(self._values(run)), Text(told))
        if len(runs) > most:
            table.add_row(Text(""), "", "", Text(f"and {len(runs) - most} more", style="dim"), "")


def _table(axes: str, metric: str) -> "Table":
    """Status, time, memory, axes, and what is told; the last two give way on a narrow terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_row("", "", "", *(Text(name, style="dim") for name in (axes, metric)))
    return table


def _progress(state: SweepState) -> "RenderableType":
    """Name, bar and counts."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    total, counts = len(state.runs), state.counts()
    done = sum(run.is_final for run in state.runs.values())
    told = [f"{done}/{total}"]
    for name, statuses in (("failed", FAILURES), ("skipped", SKIPPED)):
        if n := sum(counts.get(status, 0) for status in statuses):
            told.append(f"{n} {name}")
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=total or 1, completed=done, width=32)
    row.add_row(Text(state.exp_id, style="bold"), bar, Text(", ".join(told)))
    return row


def _left(state: SweepState, ram: str, is_over: bool) -> "RenderableType":
    """Time left, and memory."""
    from rich.text import Text

    seconds = eta_s(state)
    told = "time left unknown" if seconds is None else f"about {duration(seconds)} left"
    if all(run.is_final for run in state.runs.values()):
        told = "all runs have ended"
    return Text(f"{told}; RAM {ram}", style="red" if is_over else "dim")


def _scores(run: RunState, metric: str | None) -> str:
    """`tfidf_nb .81 tfidf_logreg .84`"""
    told = []
    for model, scores in scores_of(run).items():
        if metric in scores:
            figure = f"{scores[metric]:.3g}"
            told.append(f"{model} {figure.removeprefix('0')}".strip())
    return " ".join(told)


def _end_of(run: RunState) -> tuple[str, int, int, str]:
    """One end of a run; with a retry it gets another."""
    return run.run_id, run.attempt, run.backoff, run.status
