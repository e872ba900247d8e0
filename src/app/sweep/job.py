"""One run in a process of its own: what it needs to know, and how it is carried out.

The process leads a session, so that it and all it starts can be ended together; it dies with the
process that forked it; what it prints goes to its log; what it found goes to `outcome.json`.
"""

import contextlib
import errno
import json
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from app.durable.interrupt import Interrupted, interruptible
from app.errors import SuperiorError, causes
from app.sweep.learning import IMPORTS, leave_imports
from app.sweep.limits import cap_data
from app.sweep.outcome import CACHED, OOM_EXIT, OUTCOME, RECORD, UNTOLD_EXIT, Outcome, recorded

VALUE = "value.pickle"  # read by the process that started the run, then removed
PR_SET_PDEATHSIG = 1
OUT_OF_MEMORY = (  # what torch and C++ libraries say in a RuntimeError
    "can't allocate memory",
    "out of memory",
    "std::bad_alloc",
)


@dataclass(frozen=True)
class Job:
    """One attempt of a run, as a backend takes it. Paths are absolute."""

    run_id: str
    attempt: int
    folder: Path
    log: Path
    config: bytes  # the pickled composed config
    ram_gb: float  # admitted with
    ram_limit_gb: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def record(self) -> Path:
        return self.folder / RECORD


Task = Callable[[Job], tuple[Any, str]]  # -> what the run returned, its working directory


def run_in_this_process(job: Job, task: Task, parent: int) -> NoReturn:
    """Carries the run out in this process, just forked for it, and ends the process."""
    code = 1
    try:
        os.setsid()
        _die_with(parent)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _write_to(job.log)
        os.environ.update(job.environment)
        os.environ["SUPERIOR_RECORD"] = str(job.record)
        if job.ram_limit_gb is not None:
            cap_data(job.ram_limit_gb)
        code = carry_out(job, task)
    except BaseException as error:  # its last words: the supervisor shows those of the log
        code = UNTOLD_EXIT if isinstance(error, OSError) else 1
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:  # nothing of the process it was forked from is to be run again
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def carry_out(job: Job, task: Task) -> int:
    """Runs the task and writes the outcome; the exit code."""
    job.folder.mkdir(parents=True, exist_ok=True)
    for name in (OUTCOME, VALUE, CACHED, RECORD, IMPORTS):
        (job.folder / name).unlink(missing_ok=True)
    began, modules = time.monotonic(), len(sys.modules)
    try:
        with interruptible():
            value, working_dir = task(job)
    except (KeyboardInterrupt, Interrupted) as stopped:
        return int(getattr(stopped, "exit_code", 130))
    except BaseException as error:
        return _failed(job, error, time.monotonic() - began)
    Outcome(
        run_id=job.run_id,
        attempt=job.attempt,
        status="ok",
        seconds=time.monotonic() - began,
        working_dir=working_dir,
        **_json_or_pickle(job.folder, value),
        **recorded(job.folder),
    ).write(job.folder)
    leave_imports(job.folder, modules)
    return 0


def _failed(job: Job, error: BaseException, seconds: float) -> int:
    is_oom = any(map(is_out_of_memory, causes(error)))
    ours = next((cause for cause in causes(error) if isinstance(cause, SuperiorError)), None)
    if ours is not None:
        print(f"error: {ours}", file=sys.stderr)  # noqa: T201
    else:
        traceback.print_exception(error)
    shown = ours or error
    lines = str(shown).strip().splitlines() or [""]
    code = OOM_EXIT if is_oom else int(getattr(ours, "exit_code", 1))
    if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code:
        code = error.code
    try:
        Outcome(
            run_id=job.run_id,
            attempt=job.attempt,
            status="oom" if is_oom else "failed",
            error=f"{type(shown).__name__}: {lines[0]}"[:500],
            seconds=seconds,
            **_error_value(job.folder, error),
            **recorded(job.folder),
        ).write(job.folder)
    except (MemoryError, ValueError):
        traceback.print_exc()
    except OSError:
        if not is_oom:
            raise
    return code


def is_out_of_memory(error: BaseException) -> bool:
    """Also of libraries that tell it with errors of other kinds."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    said = str(error)[:2000] if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(words in said for words in OUT_OF_MEMORY)


def _json_or_pickle(folder: Path, value: Any) -> dict[str, Any]:
    try:
        read = json.loads(json.dumps(value))
        if read == value or repr(read) == repr(value):  # NaN is not equal to itself
            return {"value": value}
    except (TypeError, ValueError):
        pass
    with contextlib.suppress(Exception):  # then the caller learns that it is not to be had
        (folder / VALUE).write_bytes(pickle.dumps(value))
    return {"is_json": False}


def _error_value(folder: Path, error: BaseException) -> dict[str, Any]:
    with contextlib.suppress(Exception):
        (folder / VALUE).write_bytes(pickle.dumps(error))
    return {"is_json": False}


def _die_with(parent: int) -> None:
    """Asks the system to end this process when the one that forked it ends."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


def _write_to(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.close(written)
    os.close(nothing)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # who forked us may have put others
