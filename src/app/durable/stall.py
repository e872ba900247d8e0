"""Signs of life: a beat every few seconds from a thread, and an alert when nothing advances.

The thread beats while the loop is deep in a long call, and it tells the silence of a loop that
hangs from the silence of a process that was killed.
"""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

BEAT_S = 10.0
LEAST_S = 30.0  # of silence before it may be called a stall
TIMES_USUAL = 10.0  # as long as the longest usual silence

log = logging.getLogger(__name__)


class StallWatch:
    """When silence becomes a stall: `LEAST_S`, or `TIMES_USUAL` the mean silence so far, whichever
    is longer; told again each time it has lasted twice as long."""

    def __init__(self, now: float) -> None:
        self._last, self._usual, self._advances = now, 0.0, 0
        self._told_at = 0.0

    def advanced(self, now: float) -> None:
        """Something was done."""
        silence = now - self._last
        self._advances += 1
        self._usual += (silence - self._usual) / min(self._advances, 50)
        self._last, self._told_at = now, 0.0

    def silence(self, now: float) -> float:
        """Seconds since something was done."""
        return now - self._last

    def stalled(self, now: float) -> bool:
        """Whether a stall is to be told now."""
        silence = self.silence(now)
        if silence < max(LEAST_S, TIMES_USUAL * self._usual, 2.0 * self._told_at):
            return False
        self._told_at = silence
        return True


class Heartbeat:
    """Calls `beat` every `every_s` seconds from a thread of its own, until it is closed.

    A beat that fails for want of disk is told to the log, and the next one is tried: the loop
    itself will fail where it has to write.
    """

    def __init__(self, beat: Callable[[], None], every_s: float = BEAT_S) -> None:
        self._beat, self._every = beat, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            try:
                self._beat()
            except OSError as error:
                log.warning("a sign of life could not be written: %s", error)
