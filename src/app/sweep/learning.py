"""What runs import, learned from the first of them: the others are forked with it.

A run that ended well leaves the names of the modules it imported. The zygote tries them in a
process of its own first: one that crashes, or starts threads, is never imported for good.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

IMPORTS = "imports.json"
WORTH_IT = 20  # modules; fewer cost a run less than asking costs


def leave_imports(folder: Path, before: int) -> None:
    """Called by a run at its end; it was forked with `before` modules, and more came after."""
    if len(sys.modules) - before > WORTH_IT:
        names = [name for name in list(sys.modules)[before:] if sys.modules[name] is not None]
        (folder / IMPORTS).write_text(json.dumps(names))


class Imports:
    """The modules that runs told of and this process has not imported yet."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._trying: list[str] = []
        self._refused: set[str] = set()
        self.trials: set[int] = set()  # pid of the process that tries them, at most one

    def learn(self, folder: Path) -> None:
        """Takes what a run in `folder` left."""
        with contextlib.suppress(OSError, ValueError):
            names = json.loads((folder / IMPORTS).read_text())
            (folder / IMPORTS).unlink()
            self._told += [name for name in names if self._is_new(name)]

    def advance(self, idle: Iterable[str]) -> bool:
        """Goes one step on: starts a trial, or imports what a trial has shown to be harmless.

        `idle` are threads that do no harm. True when this process has imported something.
        """
        for trial in list(self.trials):
            pid, status = os.waitpid(trial, os.WNOHANG)
            if not pid:
                return False
            self.trials.clear()
            if status == 0:
                _import(self._trying)
                return True
            self._refused |= set(self._trying)
            return False
        self._trying = [name for name in dict.fromkeys(self._told) if self._is_new(name)]
        self._told.clear()
        if self._trying:
            self.trials.add(_try(self._trying, idle))
        return False

    def close(self) -> None:
        """Ends a trial."""
        for trial in self.trials:
            os.kill(trial, signal.SIGKILL)
            os.waitpid(trial, 0)
        self.trials.clear()

    def _is_new(self, name: str) -> bool:
        return name not in sys.modules and name not in self._refused


def running_threads(idle: Iterable[str]) -> str:
    """The threads of this process besides the first, and those called as in `idle`."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return ""
    names = [
        (task / "comm").read_text().strip()
        for task in tasks.iterdir()
        if task.name != str(os.getpid())
    ]
    return ", ".join(sorted(name for name in names if name not in set(idle)))


def _try(names: list[str], idle: Iterable[str]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            _import(names)
            code = 1 if running_threads(idle) else 0
        os._exit(code)
    return pid


def _import(names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):  # the run that needs it will say so
            importlib.import_module(name)
