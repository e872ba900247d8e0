"""What the runs of these tests do. Machines import this file by its name."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.sweep.job import Job

MB = 1_000_000
FOREVER_S = 600


def act(job: Job) -> tuple[Any, str]:
    """Does what the job's config names."""
    told = json.loads(job.config)
    return ACTS[told.pop("do")](job, **told), os.getcwd()


def give(job: Job, value: Any) -> Any:
    return value


def fail(job: Job, text: str) -> None:
    raise ValueError(text)


def run_out(job: Job) -> None:
    raise MemoryError("cannot allocate")


def print_lines(job: Job) -> None:
    print("to the log")
    print("to the log as well", file=sys.stderr)
    os.write(1, b"past Python\n")


def give_environment(job: Job, name: str) -> str | None:
    return os.environ.get(name)


def hang(job: Job) -> None:
    """Waits, with a child and one that left the session; says who they are."""
    _say(job, [_sleeper(), _sleeper(start_new_session=True)])
    time.sleep(FOREVER_S)


def tidy_up(job: Job) -> None:
    """Waits, and leaves a file when it is asked to end."""
    _say(job, [])
    try:
        time.sleep(FOREVER_S)
    finally:
        (job.folder / "tidied").touch()


def be_stubborn(job: Job) -> None:
    """Does not end in order."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(job)


def hold_in_children(job: Job, mb: int, children: int) -> None:
    code = f"import time; held = bytearray({mb * MB}); held[::4096] = held[::4096]; time.sleep(600)"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(children)]
    _say(job, [child.pid for child in started])
    time.sleep(FOREVER_S)


def meet(job: Job, other: str) -> str:
    """Ends when the other run is there too."""
    (job.folder / "here").touch()
    until = time.monotonic() + 60
    while not (job.folder.parent / other / "here").exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{other} never came")
        time.sleep(0.02)
    return other


def _sleeper(**options: Any) -> int:
    return subprocess.Popen(["sleep", str(FOREVER_S)], **options).pid


def _say(job: Job, children: list[int]) -> None:
    partial = job.folder / "pids.partial"
    partial.write_text(json.dumps([os.getpid(), *children]))
    partial.rename(job.folder / "pids")


def said(folder: Path) -> list[int]:
    """The processes of a run that hangs; none before it does."""
    file = folder / "pids"
    found: list[int] = json.loads(file.read_text()) if file.exists() else []
    return found


ACTS = {
    act.__name__: act
    for act in (
        give, fail, run_out, print_lines, give_environment, hang, tidy_up, be_stubborn,
        hold_in_children, meet,
    )
}  # fmt: skip
