"""Signals that end a run in order: SIGTERM and SIGINT become exceptions that unwind the work.

Both derive from BaseException, so that no `except Exception` on the way keeps a run alive that
was told to stop. The process is to end with 128 + the signal's number: 143 and 130.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_received: list[str] = []


class Interrupted(BaseException):
    """SIGTERM arrived: finish nothing more, leave files whole, exit with `exit_code`."""

    exit_code = 128 + signal.SIGTERM


class Stopped(KeyboardInterrupt):
    """SIGINT arrived. Of a plain KeyboardInterrupt that passed `exec` (an import of a module with
    dataclasses), `python -m` makes death by SIGINT in the end, though it was handled."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM raises `Interrupted` and SIGINT KeyboardInterrupt, in the main thread.

    A second SIGTERM is ignored, so that it cannot cut the first one's unwinding short; SIGINT
    can be repeated by an impatient person. A SIGINT ignored by the caller (`nohup`, a background
    job) stays ignored. Outside the main thread, where Python delivers no signals, this does
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    _received.clear()
    signal.signal(signal.SIGTERM, _terminate)
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def received() -> str | None:
    """The name of the last signal that ended the work (`SIGTERM`), or None."""
    return _received[-1] if _received else None


def _terminate(number: int, _: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _received.append(signal.Signals(number).name)
    raise Interrupted("SIGTERM")


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(signal.Signals(number).name)
    raise Stopped
