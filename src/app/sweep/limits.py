"""The memory of a run: what its whole process tree holds, and a limit it cannot pass.

Two guards, since neither is enough alone. RLIMIT_DATA makes the allocation that would pass the
limit fail inside the process, at once, as a MemoryError. Resident memory of the tree, looked at
many times a second, catches what children hold together.
"""

import contextlib
import math
import os
import resource
from pathlib import Path

import psutil

from app.sweep.strays import descendants_of

GB = 1_000_000_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cap_data(limit_gb: float) -> None:
    """Limits what this process may still allocate so that it holds at most `limit_gb`.

    RLIMIT_DATA counts what is reserved, resident or not; what is reserved and not resident now
    (thread stacks, arenas of the libraries) is left out of the count.
    """
    status = _status(os.getpid())
    reserved = max(status.get("VmData", 0) - status.get("VmRSS", 0), 0)
    cap = int(limit_gb * GB) + reserved
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        cap = min(cap, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))


class Tree:
    """A process and all it started, looked at together."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_bytes = 0
        self.roots: set[int] = {pid}  # and members whose parents are gone
        self.members: set[int] = {pid}

    def look(self, limit: float = math.inf) -> int:
        """Resident bytes now. Children stay members when their parent is gone.

        Pages that forks share are counted once only where it matters, above the limit: the
        system takes milliseconds to tell.
        """
        self._find()
        held = {pid: resident_bytes(pid) for pid in self.members}
        self.members = {pid for pid, told in held.items() if told is not None or pid == self.pid}
        self.roots &= self.members
        total = sum(told or 0 for told in held.values())
        if total > limit and len(self.members) > 1:
            total = sum(proportional_bytes(pid) for pid in self.members)
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def adopt(self, pid: int) -> None:
        """Takes in a process whose parents are gone."""
        self.roots.add(pid)
        self.members.add(pid)

    def kill(self, signal_number: int) -> None:
        """Sends the signal to all of it: the session, and members that left the session."""
        self._find()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal_number)
        for pid in self.members - {self.pid}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal_number)

    def _find(self) -> None:
        for root in self.roots:
            self.members |= set(descendants_of(root))


def resident_bytes(pid: int) -> int | None:
    """Resident bytes of one process that no other one shares from a file; None: it is gone."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
        return (int(resident) - int(shared)) * _PAGE
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
    except (ProcessLookupError, ValueError):
        return None
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return None


def proportional_bytes(pid: int) -> int:
    """Resident bytes of one process; of a page that several share, its part."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident_bytes(pid) or 0


def machine_gb() -> float:
    """Memory this process may use: the machine's, or its container's where that is less."""
    total = psutil.virtual_memory().total
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(file).read_text()))
        except (OSError, ValueError):
            continue
    return total / GB


def kernel_oom_kills() -> int:
    """How many processes the system has killed for want of memory."""
    for file, name in (("/sys/fs/cgroup/memory.events", "oom_kill"), ("/proc/vmstat", "oom_kill")):
        try:
            for line in Path(file).read_text().splitlines():
                key, _, value = line.partition(" ")
                if key == name:
                    return int(value)
        except (OSError, ValueError):
            continue
    return 0


def _status(pid: int) -> dict[str, int]:
    """Bytes of the Vm* lines of /proc/<pid>/status."""
    told: dict[str, int] = {}
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("Vm") and line.endswith("kB"):
                name, _, value = line.partition(":")
                told[name] = int(value.removesuffix("kB")) * 1024
    except OSError:
        pass
    return told
