"""The process that writes sweeps to MLflow, the only one to do so.

    python -m app.tracking.sweep_writer follow PROJECT FOLDER SUPERVISOR_PID
    python -m app.tracking.sweep_writer sync PROJECT FOLDER ...

`sweep_recording.SweepWriter` starts the first, `kedro mlflow-sync` the second. One writer at a time
works at a sweep: the next one waits for it, or says so. Who follows ends when told to finish, and
when the supervisor is no more; then it has written what the ledger has.
"""

import contextlib
import dataclasses
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from app.config.tracking import Tracking
from app.durable.process import ProcessId
from app.errors import InputError
from app.tracking.recording import Outcome
from app.tracking.store import slim_mlflow
from app.tracking.sweep_files import write_marker
from app.tracking.sweep_recording import FINISH, PAGES
from app.tracking.writer import LOOK_S, first_line

if TYPE_CHECKING:
    from app.tracking.sweep import SweepProjection

LOCK = ".mlflow.lock"


def main() -> None:
    slim_mlflow()
    what, project, *arguments = sys.argv[1:]
    if what == "follow":
        folder, supervisor = arguments
        tracking = Tracking.model_validate_json(_first_line_of_stdin())
        _tell(follow(Path(folder), Path(project), tracking, _wishes(int(supervisor))))
    else:
        for folder in arguments:
            _tell(sync(Path(folder), Path(project)))
    os._exit(0)  # all is written; taking 1,500 modules down would cost a tenth of a second


def follow(
    folder: Path, project: Path, tracking: Tracking, wishes: Iterator[bytes]
) -> dict[str, Any]:
    """Shows a sweep in MLflow while it runs, as long as there are wishes; tells the outcome."""
    from app.tracking.sweep import SweepProjection

    try:
        with FileLock(folder / LOCK):
            projection = SweepProjection(folder, project, tracking)
            own = ProcessId.of(os.getpid())
            assert own is not None
            projection.at_work(own)
            projection.make_equal()
            for wish in wishes:
                projection.follow()
                if wish == PAGES:
                    _mark(projection, is_all=False)
                    _tell({"pages": projection.pages()})
            projection.follow()
            _end(projection)
            return dataclasses.asdict(projection.outcome())
    except Exception as error:
        return dataclasses.asdict(Outcome(None, "", {}, [first_line(error)]))


def sync(folder: Path, project: Path) -> dict[str, Any]:
    """Makes MLflow equal to the ledger of a sweep at which no writer works."""
    from app.tracking.sweep import SweepProjection

    try:
        with FileLock(folder / LOCK, timeout=0):
            projection = SweepProjection(folder, project)
            projection.make_equal()
            if supervisor := projection.ledger.supervisor():
                projection.at_work(supervisor)
            else:
                _end(projection)
    except Timeout:
        return {"at_work": True}
    except InputError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": first_line(error)}
    status = projection.ledger.outcome()[0]
    return {**dataclasses.asdict(projection.tally), "status": status, "page": projection.page()}


def _end(projection: "SweepProjection") -> None:
    projection.end()
    if not projection.tally.errors:
        _mark(projection, is_all=True)


def _mark(projection: "SweepProjection", is_all: bool) -> None:
    write_marker(
        projection.folder,
        projection.ledger,
        projection.store,
        is_all,
        run_id=projection.parent.info.run_id,
        page=projection.page(),
        pages=projection.pages(),
    )


def _wishes(supervisor: int) -> Iterator[bytes]:
    """What the supervisor wants, until it wants the finish, closes its side, or is no more. Wishes
    that pile up while MLflow is slow are one.

    Its process is looked at too: children that it forked can hold the pipe open after its death.
    """
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked,), daemon=True).start()
    while True:
        try:
            wishes = asked.get(timeout=LOOK_S)
        except queue.Empty:
            if os.getppid() != supervisor:
                return
            continue
        while not asked.empty():
            wishes += asked.get()
        if FINISH in wishes:
            return
        yield PAGES if PAGES in wishes else wishes[:1]


def _read(asked: "queue.SimpleQueue[bytes]") -> None:
    while chunk := os.read(sys.stdin.fileno(), 1 << 12):
        asked.put(chunk)
    asked.put(FINISH)


def _first_line_of_stdin() -> bytes:
    """Read a byte at a time: what follows belongs to the wishes."""
    line = b""
    while (byte := os.read(sys.stdin.fileno(), 1)) not in (b"", b"\n"):
        line += byte
    return line


def _tell(told: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the launcher is no more, nobody reads it
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
