"""The lease: a run on another machine goes on only while its supervisor is seen to live.

The supervisor touches one file, the machine another; both look at the times the file server gave
them, and no clock of one machine is compared with that of another. A machine that has not seen its
supervisor for `lease_s` ends its run; a supervisor that has not heard of a machine for as long
counts its run as lost, and the machine, which does not see the supervisor either, has ended it.
The next supervisor writes its own name into the file: what was started for an earlier one ends.
"""

import contextlib
import os
import threading
import time
from pathlib import Path
from uuid import uuid4

from app.durable.process import ProcessId
from app.errors import SweepError
from app.sweep.backends.attempt import REMOTE, Attempt

LEASE = "lease"
TOUCHES = 6  # in the time of a lease
MARGIN_S = 10.0  # past a lease, in which a machine ends its run
LOOK_S = 0.1


class Lease:
    """The supervisor's side: held until closed."""

    def __init__(self, remote: Path, lease_s: float) -> None:
        self.token = uuid4().hex
        self._file = remote / LEASE
        _write(self._file, self.token)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._touch, args=(lease_s / TOUCHES,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Gives it up: whatever still runs for it ends."""
        self._over.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            _write(self._file, "0" * 32)

    def _touch(self, every_s: float) -> None:
        while not self._over.wait(every_s):
            with contextlib.suppress(OSError):  # a file server that is away for a moment
                os.utime(self._file)


class LeaseWatch:
    """The machine's side."""

    def __init__(self, attempt: Attempt, token: str, lease_s: float) -> None:
        self._lease, self._own = attempt.folder.parent / LEASE, attempt.folder / "told"
        self._token, self._lease_s = token, lease_s
        self._seen = float("-inf")  # on the monotonic clock

    def is_over(self) -> bool:
        """Touches our own file, and looks at the supervisor's."""
        with contextlib.suppress(OSError):  # then it was last seen when we last could look
            os.utime(self._own)
            now = self._own.stat().st_mtime
            with self._lease.open("rb") as file:
                if file.read().decode() != self._token:
                    return True
                age = max(now - os.fstat(file.fileno()).st_mtime, 0.0)
            self._seen = time.monotonic() - age
        return time.monotonic() - self._seen > self._lease_s


def silent_s(attempt: Attempt) -> float:
    """For how long the machine has not touched its file, as the file server counts."""
    with (attempt.folder / "told").open("rb") as file:
        told = os.fstat(file.fileno()).st_mtime
    with (attempt.folder / "asked").open("rb") as file:
        os.utime(file.fileno())
        return os.fstat(file.fileno()).st_mtime - told


def end_leftovers(sweep: Path) -> int:
    """Ends what an earlier supervisor of the sweep left on other machines; how many ran.

    To be called by who holds the ledger. Waits until each machine has told the end of its run, or
    must have ended it.

    Raises:
        SweepError: a process on this machine does not end.
    """
    remote = sweep / REMOTE
    if not remote.is_dir():
        return 0
    _write(remote / LEASE, "0" * 32)
    ran = 0
    for file in remote.glob("*/start.json"):
        attempt = Attempt(file.parent)
        ran += _wait_for_end(attempt)
        attempt.remove()
    return ran


def _wait_for_end(attempt: Attempt) -> bool:
    """Whether a machine had begun with the attempt."""
    start = attempt.start() or {}
    machine: ProcessId | None = None
    until = time.monotonic() + start["lease_s"] + MARGIN_S
    while True:
        for told in attempt.told():
            if told["what"] == "claimed":
                machine = ProcessId(told["host"], told["pid"], told["started"])
            elif told["what"] == "exited":
                return True
        if machine is None:  # should it begin, it finds that its supervisor is no more
            return False
        if machine.is_gone() or silent_s(attempt) > start["lease_s"] + MARGIN_S:
            return True
        if machine.host == os.uname().nodename and time.monotonic() > until:
            raise SweepError(f"process {machine.pid} of an earlier command does not end")
        time.sleep(LOOK_S)


def _write(file: Path, token: str) -> None:
    """In place: who has the file's name sees the new content."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(written, token.encode(), 0)
        os.fsync(written)
    finally:
        os.close(written)
