"""SIGTERM and SIGINT become exceptions with the exit codes shells expect."""

import os
import signal
import threading

import pytest

from app.durable.interrupt import Interrupted, interruptible, received


def test_sigterm_unwinds_with_143_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as stopped, interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.exit_code == 143
    assert not isinstance(stopped.value, Exception)
    assert signal.getsignal(signal.SIGTERM) == before
    assert received() == "SIGTERM"


def test_a_second_sigterm_does_not_cut_the_unwinding_short() -> None:
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned.append("all of it")

    with pytest.raises(Interrupted), interruptible():
        work()
    assert cleaned == ["all of it"]


def test_sigint_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGINT)
    assert received() == "SIGINT"


def test_a_sigint_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
        assert received() is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_it_changes_nothing() -> None:
    handlers = []

    def work() -> None:
        with interruptible():
            handlers.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]
