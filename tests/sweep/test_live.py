"""What a running sweep shows: a view on a real terminal, lines anywhere else."""

import contextlib
import io
import os
import pty
import select
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from fake_sweep import FakeSweep, started

from app.sweep import live
from app.sweep.live import LiveView

AXES = {"balance": ["none", "oversample"], "split.train_prop": ["0.7"]}


@pytest.fixture
def sweep(tmp_path: Path) -> FakeSweep:
    sweep = FakeSweep(tmp_path / "s", AXES, repeats=2)
    sweep.supervise()
    return sweep


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, IO[str]]]:
    """Our end and the other end of a pseudo-terminal."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")
    yield ours, stream
    with contextlib.suppress(OSError):  # a test may have closed our end
        stream.close()


def update(view: LiveView, sweep: FakeSweep, **running: float) -> None:
    view.update(sweep.state, {f"{run_id[1:]}": gb for run_id, gb in running.items()}, 1.0, 6.4)


def read(ours: int, until: str) -> str:
    """What the terminal got, up to `until`: it arrives in parts."""
    told = b""
    while until.encode() not in told:
        assert select.select([ours], [], [], 10.0)[0], told.decode()
        told += os.read(ours, 100_000)
    return told.decode()


def test_a_line_for_each_run_that_ended(sweep: FakeSweep) -> None:
    shown = io.StringIO()
    view = LiveView(sweep.state, shown)
    first, second, third, fourth = sweep.runs
    both = {"tfidf_nb": {"macro_f1": 0.8123}, "tfidf_logreg": {"macro_f1": 0.84}}
    sweep.tell("started", **started(first))
    update(view, sweep)
    sweep.run(first, metrics=both, seconds=12.34, peak_gb=0.412)
    update(view, sweep)
    update(view, sweep)
    sweep.run(second, "failed", error="InputError: no such\nfile", seconds=0.5)
    sweep.skip(third, "pruned", "balance=oversample is too low")
    update(view, sweep)
    sweep.run(fourth, metrics={})
    update(view, sweep)
    view.close()
    assert shown.getvalue().splitlines() == [
        "[1/4] ok  balance=none repeat=0  macro_f1 tfidf_nb .812 tfidf_logreg .84  12.3 s  412 MB",
        "[2/4] failed  balance=none repeat=1  InputError: no such file  500 ms  400 MB  "
        "logs/run_000000000000_r1.log",
        "[3/4] pruned  balance=oversample repeat=0  balance=oversample is too low",
        "[4/4] ok  balance=oversample repeat=1  10.0 s  400 MB",
    ]


def test_what_ended_before_a_resume_is_not_told_again(sweep: FakeSweep) -> None:
    sweep.run(sweep.runs[0])
    shown = io.StringIO()
    view = LiveView(sweep.state, shown)
    sweep.run(sweep.runs[1])
    update(view, sweep)
    assert shown.getvalue().startswith("[2/4] ok  balance=none repeat=1")
    assert shown.getvalue().count("\n") == 1


def test_a_retry_is_told(sweep: FakeSweep) -> None:
    shown = io.StringIO()
    sweep.run(sweep.runs[0], "failed", error="no")
    view = LiveView(sweep.state, shown)
    run_id = sweep.runs[0]["run_id"]
    sweep.tell("retried", run_id=run_id)
    update(view, sweep)
    sweep.tell("started", **started(sweep.runs[0], attempt=2))
    sweep.tell("ended", run_id=run_id, attempt=2, status="ok", seconds=1.0, metrics={})
    update(view, sweep)
    assert shown.getvalue().startswith("[1/4] ok")


def test_the_terminal_shows_progress_without_a_thread(
    sweep: FakeSweep, terminal: tuple[int, IO[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, stream = terminal
    now = 1000.0
    monkeypatch.setattr(live.time, "monotonic", lambda: now)
    threads = threading.active_count()
    view = LiveView(sweep.state, stream)
    sweep.run(sweep.runs[0], metrics={"nb": {"macro_f1": 0.8}})
    sweep.run(sweep.runs[1], "oom", error="took more than 1.5 GB")
    sweep.tell("started", **started(sweep.runs[2]))
    update(view, sweep, _000000000001_r0=0.412)
    first = read(ours, until="took more than 1.5 GB")
    assert threading.active_count() == threads
    for said in (
        "2/4, 1 failed", "left; RAM 412 MB used, 1.0 GB admitted, 6.4 GB limit", "nb .8",
        "balance, repeat", "oversample, 0", "took more than 1.5 GB", "running",
    ):  # fmt: skip
        assert said in first
    update(view, sweep)  # at once: nothing is drawn
    now += live.DRAW_EVERY_S
    sweep.run(sweep.runs[2])
    sweep.run(sweep.runs[3])
    update(view, sweep)
    second = read(ours, until="took more than 1.5 GB")
    assert "4/4, 1 failed" in second
    assert "2/4" not in second
    view.close()
    last = read(ours, until="\x1b[?25h")  # the cursor is back
    assert "all runs have ended" in last


def test_a_closed_terminal_does_not_end_the_sweep(
    sweep: FakeSweep, terminal: tuple[int, IO[str]]
) -> None:
    ours, stream = terminal
    view = LiveView(sweep.state, stream)
    os.close(ours)
    for run in sweep.runs:
        sweep.run(run)
        update(view, sweep)
    view.close()


def test_a_closed_pipe_does_not_end_the_sweep(sweep: FakeSweep) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    view = LiveView(sweep.state, stream)
    for run in sweep.runs:
        sweep.run(run)
        update(view, sweep)
    view.close()
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_view_never_updated_can_be_closed(
    sweep: FakeSweep, terminal: tuple[int, IO[str]]
) -> None:
    LiveView(sweep.state, terminal[1]).close()
