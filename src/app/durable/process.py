"""Which process is meant: a pid alone is given again to others, a pid and its start are not."""

import socket
from dataclasses import dataclass
from typing import Self

import psutil

CLOCK_STEP_S = 2.0  # the system's clock may be set between two readings of one start


@dataclass(frozen=True)
class ProcessId:
    """A process of some host, now or in the past."""

    host: str
    pid: int
    started: float  # seconds since 1970, as the system tells it

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this pid now, or None."""
        try:
            return cls(socket.gethostname(), pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def is_gone(self) -> bool:
        """True when it certainly runs no more; False for processes of other hosts."""
        if self.host != socket.gethostname():
            return False
        try:
            now = psutil.Process(self.pid)
            return (
                abs(now.create_time() - self.started) > CLOCK_STEP_S
                or now.status() == psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return True
