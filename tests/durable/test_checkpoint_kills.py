"""Killed anywhere, and started again until it ends: the result is that of a run never killed.

The loop of docs/durable.md is killed at a chosen call to the system among those that write (any
may be the last thing the process did), with the bytes of that call written, half written, or not.
"""

import hashlib
import os
import random
import re
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from app.durable.journal import read_events, verify
from app.durable.sealed import Head

PAGE = (Path(__file__).parents[2] / "docs" / "durable.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
STEPS = 12
LOOP = compile(EXAMPLE.replace("2000", str(STEPS)), "docs/durable.md", "exec")
CALLS = ("write", "fsync", "replace", "ftruncate")


def started(folder: Path, kill_at: int | None, moment: str) -> int:
    """Runs the loop in a process of its own, in `folder`; its exit code, or minus its signal."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        os.chdir(folder)
        if kill_at is not None:
            strike(kill_at, moment)
        exec(LOOP, {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def strike(number: int, moment: str) -> None:
    """From here on, the process ends at its call `number` of those that write."""
    calls = [0]

    def wrapped(name: str, real: Any) -> Any:
        def call(*given: Any) -> Any:
            calls[0] += 1
            if calls[0] == number:
                if moment == "after":
                    real(*given)
                elif moment == "half" and name == "write":
                    real(given[0], given[1][: len(given[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given)

        return call

    for name in CALLS:
        setattr(os, name, wrapped(name, getattr(os, name)))


def result(folder: Path) -> str:
    return hashlib.sha256((folder / "data" / "walk" / "walk.npy").read_bytes()).hexdigest()


def campaign(folder: Path, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    (folder / "whole").mkdir()
    assert started(folder / "whole", None, "") == 0
    expected, done, number = result(folder / "whole"), 0, 0
    while done < kills:
        number += 1
        here = folder / str(number)
        here.mkdir()
        code = -signal.SIGKILL
        while code == -signal.SIGKILL:
            code = started(here, draw.randint(1, 40), draw.choice(("before", "half", "after")))
            done += code == -signal.SIGKILL
        assert code == 0
        assert result(here) == expected
        journal = here / "data" / "walk" / "journal.jsonl"
        assert verify(journal, [Head.of((journal.parent / "journal.jsonl.head").read_text())]) == []
        assert {event["step"] for event in read_events(journal)} == set(range(STEPS))


def test_the_example_is_short() -> None:
    lines = [line for line in EXAMPLE.splitlines() if line.strip() and "import" not in line]
    assert len(lines) <= 20


def test_thirty_kills_change_nothing(tmp_path: Path) -> None:
    campaign(tmp_path, 30, seed=1)


@pytest.mark.soak
def test_five_hundred_kills_change_nothing(tmp_path: Path) -> None:
    campaign(tmp_path, 500, seed=2)
