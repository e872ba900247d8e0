"""Which run a process belongs to when its parent is gone: by its session, by the log that its
output goes to, by the environment it was executed with.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

_OUTPUTS = (1, 2)  # descriptors that a child has from its parent, forked or executed
_RECORD = b"SUPERIOR_RECORD="


def files_of(pid: int) -> Iterator[str]:
    """Files that say what the process belongs to: its logs, and the record of its run."""
    for descriptor in _OUTPUTS:
        with contextlib.suppress(OSError):
            yield os.readlink(f"/proc/{pid}/fd/{descriptor}")
    with contextlib.suppress(OSError):
        for told in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if told.startswith(_RECORD):
                yield os.fsdecode(told.removeprefix(_RECORD))


def working_on(files: Iterable[str]) -> set[psutil.Process]:
    """Processes of ours that belong to these files, or to files whose paths begin so: executed or
    forked, whatever became of their parents."""
    wanted, found = tuple(files), set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.uids().real != os.getuid():
                continue
            if any(file.startswith(wanted) for file in files_of(process.pid)):
                found.add(process)
    return found


def session_of(pid: int) -> int | None:
    """The process that leads its session; None: it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def children_of(pid: int) -> list[int]:
    """Its children now; none where the system does not tell."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                told = Path(f"/proc/{pid}/task/{thread}/children").read_bytes()
                found += map(int, told.split())
    return found


def descendants_of(pid: int) -> list[int]:
    """Its children, their children, and so on."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = children_of(waiting.pop())
        waiting += children
        found += children
    return found
