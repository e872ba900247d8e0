"""A deadline that rings: `DeadlineReached` is raised in the main thread, wherever it is at work.

It derives from BaseException, as `interrupt.Interrupted` does, so that no `except Exception` on the
way keeps the work going. It strikes between two instructions of Python: values may be half
changed, so go on from what was last handed over whole (a checkpoint), never from the loop's
variables. A call into compiled code is left first: keep those short.

The alarm is repeated until its context is left, since Python drops what is raised in a destructor
or a callback. It stays silent while a signal's exception, or its own, is being unwound: a run that
was told to stop is not told to hurry in its last words.
"""

import signal
import sys
import threading
import time
from types import CodeType, FrameType, TracebackType
from typing import Self

from app.durable.interrupt import Interrupted

AGAIN_S = 0.05  # between two rings of an alarm that nobody heard
SOON_S = 1e-4  # the shortest time a timer can be set to
UNWINDING = (Interrupted, KeyboardInterrupt, SystemExit)

_undisturbed: set[CodeType] = set()  # functions in which no alarm is raised: contexts being left


class DeadlineReached(BaseException):
    """The time for this work is over: finish nothing more of it."""


class Alarm:
    """A context in which `DeadlineReached` is raised `seconds` after it was entered.

    As its body begins, where they are over; never where they are infinite, or outside the main
    thread, where Python runs no signal handlers. Contexts can be nested: the earliest rings.
    """

    def __init__(self, seconds: float) -> None:
        self._due = time.monotonic() + seconds
        self._raised: DeadlineReached | None = None
        self._is_set = False

    def reset(self, seconds: float) -> None:
        """Another deadline, `seconds` from now."""
        self._due = time.monotonic() + seconds
        if self._is_set:
            self._set_timer()

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._outer_due = _due_of_the_timer()
        self._outer_handler = signal.signal(signal.SIGALRM, self._ring)
        self._is_set = True
        self._set_timer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_set:
            return
        self._is_set = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._outer_handler)
        if self._outer_due < float("inf"):
            _set_timer(self._outer_due)

    def _set_timer(self) -> None:
        _set_timer(min(self._due, self._outer_due))

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if not self._is_set or (frame is not None and frame.f_code in _undisturbed):
            return
        handled = sys.exception()
        while handled is not None:
            if handled is self._raised or isinstance(handled, UNWINDING):
                return
            handled = handled.__context__
        self._raised = DeadlineReached("the time for it is over")
        raise self._raised


def undisturbed(*functions: object) -> None:
    """No alarm is raised in these functions themselves (in what they call, it is): an `__exit__`
    that is cut before it did anything leaves its context open for ever."""
    _undisturbed.update(function.__code__ for function in functions)  # type: ignore[attr-defined]


def _set_timer(due: float) -> None:
    if due == float("inf"):
        signal.setitimer(signal.ITIMER_REAL, 0)
        return
    signal.setitimer(signal.ITIMER_REAL, max(due - time.monotonic(), SOON_S), AGAIN_S)


def _due_of_the_timer() -> float:
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    return time.monotonic() + left if left else float("inf")


undisturbed(Alarm.__enter__, Alarm.__exit__, Alarm.reset, Alarm._set_timer, _set_timer)
