"""Ctrl-C, SIGTERM and kills from outside: in order, soon, and the same command goes on."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from crashed import Crashed

from app.durable.journal import verify
from app.sweep.ledger import LEDGER


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_sweep_ends_in_order_and_is_resumed(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3,4", "+behave={x2:hang,x3:hang}")
    command = sweep.start()
    sweep.met()
    sweep.met()
    began = time.monotonic()
    os.killpg(command.pid, number)  # as a terminal does it: to the foreground group
    assert command.wait(30) == code, sweep.said()
    assert time.monotonic() - began < 3.0
    sweep.require_nothing_left()
    assert sweep.statuses() == {1: "ok", 2: "interrupted", 3: "interrupted", 4: "planned"}
    assert sweep.state().stopped == "interrupted"
    assert verify(sweep.folder / LEDGER) == []
    assert "Traceback" not in sweep.said()
    again = sweep.start()
    for run, *_ in (sweep.met(), sweep.met()):
        os.kill(run, signal.SIGKILL)
    for run, *_ in (sweep.met(), sweep.met()):  # each is tried once more
        os.kill(run, signal.SIGKILL)
    assert again.wait(30) == 7, sweep.said()
    assert sweep.statuses() == {1: "ok", 2: "killed", 3: "killed", 4: "ok"}
    assert all(count == 1 for run, count in sweep.starts().items() if run == sweep.by_x()[1].run_id)


def test_a_second_interrupt_ends_runs_that_do_not_listen(tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2", "+behave={x1:deaf,x2:deaf}")
    command = sweep.start()
    sweep.met()
    sweep.met()
    os.killpg(command.pid, signal.SIGINT)
    deaf = psutil.Process(command.pid).children(recursive=True)
    assert len(deaf) == 3  # with the zygote
    time.sleep(0.3)
    began = time.monotonic()
    os.killpg(command.pid, signal.SIGINT)
    assert command.wait(30) == 130, sweep.said()
    assert time.monotonic() - began < 3.0
    sweep.require_nothing_left()


def test_a_supervisor_killed_while_runs_hang_leaves_nothing(tmp_path: Path) -> None:
    sweep = Crashed(tmp_path, "+x=1,2,3", "+behave={x2:with_children}")
    command = sweep.start()
    sweep.met()
    command.kill()
    command.wait()
    sweep.require_nothing_left()


@pytest.mark.soak
def test_an_interrupt_at_any_moment_leaves_a_ledger_that_goes_on(tmp_path: Path) -> None:
    """Moments spread over a whole command: importing, planning, running, reporting."""
    sweep = Crashed(tmp_path, "+x=range(1,9)")
    began = time.monotonic()
    assert sweep.start().wait(60) == 0
    takes = time.monotonic() - began
    for part in range(2, 10):
        other = Crashed(tmp_path / str(part), "+x=range(1,9)")
        command = other.start()
        time.sleep(takes * part / 10)
        os.killpg(command.pid, signal.SIGINT)
        code = command.wait(30)
        if (other.folder / LEDGER).exists():
            assert code in (0, 130, -signal.SIGINT), other.said()  # -2: while Python itself ends
        other.require_nothing_left()
        if (other.folder / LEDGER).exists():
            assert verify(other.folder / LEDGER) == []
        assert other.start().wait(60) == 0, other.said()
        other.audit()
        assert other.result() == sweep.result()
