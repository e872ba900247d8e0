"""Runs sweeps of `program.py` for a test, each in a process forked from this one, which has
imported everything; such a sweep may be told to end itself, or to find no room, at a given event.

Requests come in as JSON lines: {"argv": [...], "env": {...}, "output": FILE,
"at": [moment, event number] or null}; replies go out: {"code": exit code, or minus the signal}.
Moments: before, torn (half of the line is written), after; full: the disk takes half of the line.
"""

import errno
import gc
import json
import os
import runpy
import signal
import sys
from importlib import import_module
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins

from app.durable import journal
from app.durable.journal import Journal

IMPORTED = (
    "app.console",
    "app.sweep.analysis.hooks",
    "app.sweep.backends.local",
    "app.sweep.live",
    "app.sweep.projections",
    "app.sweep.report",
    "hydra_plugins.superior_launcher._core",
    "hydra_plugins.superior_sweeper.sweeper",
)
PROGRAM = Path(__file__).with_name("program.py")


def strike(moment: str, number: int) -> None:
    """From here on, the process that appends event `number` meets its fate."""
    owner, append, events = os.getpid(), Journal.append, [0]

    def end() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def struck(self: Journal, event: str, **fields: object) -> None:
        if os.getpid() != owner:
            append(self, event, **fields)
            return
        events[0] += 1
        if events[0] == number and moment == "before":
            end()
        if events[0] == number and moment == "torn":
            journal.os = Torn()  # type: ignore[assignment]
        if events[0] >= number and moment == "full":
            journal.os = Full()  # type: ignore[assignment]
        append(self, event, **fields)
        if events[0] == number and moment == "after":
            end()

    Journal.append = struck  # type: ignore[method-assign]


class Torn:
    """The module `os`, with a write that is cut by a kill."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, file: int, line: bytes) -> int:
        os.write(file, line[: len(line) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
        return 0


class Full:
    """The module `os`, on a disk with room for a few bytes."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, file: int, line: bytes) -> int:
        if len(line) > 20:
            return os.write(file, line[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def carry_out(request: dict) -> None:
    """In the forked process: becomes the supervisor."""
    os.setsid()
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(request["env"])
    if request["at"]:
        strike(*request["at"])
    sys.argv[1:] = request["argv"]
    code = 1
    try:
        runpy.run_path(str(PROGRAM), run_name="__main__")
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def warm() -> None:
    """What each sweep would do first, done once for all of them."""
    for module in IMPORTED:
        import_module(module)
    Plugins.instance()
    parser = OverridesParser.create()
    parser.parse_overrides(["+x=1,2", "+behave={x1:hang}", "+x=range(0,2)", "a.b=c/d-e.f"])
    gc.collect()
    gc.freeze()


def main() -> None:
    warm()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            carry_out(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
