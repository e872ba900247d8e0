"""Progress of a long loop: a bar with an ETA on a terminal, a plain line now and then in a log."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOG_EVERY_S = 10.0

log = logging.getLogger(__name__)


class Progress:
    """What the loop tells: how much of `total` is done. Made by `progress`."""

    def __init__(self, label: str, total: float) -> None:
        self.label, self.total, self.done = label, total, 0.0
        self.note = ""
        self._started = self._last_line = time.monotonic()

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """`amount` more is done, in the unit of `total`; `note` is shown beside (a dev score)."""
        self.done += amount
        self.note = note or self.note
        self._show()

    def eta_s(self) -> float:
        """Seconds left at the mean speed so far; nan before anything is done."""
        if self.done <= 0:
            return float("nan")
        elapsed = time.monotonic() - self._started
        return elapsed * max(self.total - self.done, 0.0) / self.done

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last_line < LOG_EVERY_S:
            return
        self._last_line = now
        percent = 100.0 * self.done / self.total if self.total else 0.0
        log.info("%s: %.0f %%, %.0f s left %s", self.label, percent, self.eta_s(), self.note)


class _BarProgress(Progress):
    """The same, drawn by rich on a terminal."""

    def __init__(self, label: str, total: float) -> None:
        super().__init__(label, total)
        from rich import progress as bars  # only a terminal pays for the import

        self.bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.TaskProgressColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[note]}"),
            transient=True,
        )
        self.task = self.bar.add_task(label, total=total, note="")

    def _show(self) -> None:
        self.bar.update(self.task, completed=self.done, note=self.note)


@contextmanager
def progress(label: str, total: float) -> Iterator[Progress]:
    """A progress display for `total` units of work, closed whatever happens inside."""
    if not sys.stderr.isatty():
        yield Progress(label, total)
        return
    shown = _BarProgress(label, total)
    with shown.bar:
        yield shown
