"""SIGINT and SIGTERM wait while something is done that must not be cut in the middle: an event
that is on disk must be counted, and one that left a pipe must be taken.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from app.durable.interrupt import Interrupted


class Terminated(Interrupted, SystemExit):
    """SIGTERM arrived in a program that leaves it to the system: Python ends with its code."""

    def __init__(self) -> None:
        super().__init__(self.exit_code)


@contextmanager
def held() -> Iterator[Callable[[], None]]:
    """Inside, both signals wait for the end, or for a call of the function that it gives: there,
    and nowhere else, they raise what they would have raised."""
    if threading.current_thread() is not threading.main_thread():  # no handler runs here
        yield lambda: None
        return
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def wait(number: int, _: FrameType | None) -> None:
        waiting.append(number)

    def let() -> None:
        while waiting:
            number = waiting.pop(0)
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, None)
            elif handler == signal.SIG_DFL:
                raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    for number, handler in before.items():
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, wait)
    try:
        yield let
    finally:
        for number, handler in before.items():
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, handler)
    let()
