"""Kills a writer before each request to MLflow, and looks what the next one makes of it.

    python kill_writer.py PROJECT RUN_FOLDER EMPTY_STORE [EVERY]

Prints for each kill a line of JSON: the request's number, and what was wrong afterwards. Writers
are forked from this process, which has imported MLflow and is connected to nothing.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from sweeps import HandMadeSweep, hand_made

from app.sweep.ledger import Ledger
from app.tracking import sweep as projected
from app.tracking.store import connect

READS = ("get_", "search_", "list_")


class Killing:
    """A client whose process is killed before the request of this number."""

    def __init__(self, client: Any, number: int) -> None:
        self._client, self._left = client, number

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._client, name)
        if name.startswith(("_", *READS)):
            return asked

        def request(*args: Any, **kwargs: Any) -> Any:
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
            return asked(*args, **kwargs)

        return request


def main(project: Path, run_folder: Path, empty_store: Path, every: int) -> None:
    assert mlflow.__version__
    number, was_killed = 0, True
    while was_killed:
        sweep = hand_made(project / str(number), run_folder, empty_store)
        with sweep.begin(2) as ledger:
            sweep.run(ledger, "r0")
            sweep.run(ledger, "r1", "failed")
            ledger.append("stopped", reason="finished")
        was_killed = forked(lambda: write(sweep, number)) != 0  # noqa: B023
        forked(lambda: look(sweep, number))  # noqa: B023
        shutil.rmtree(project / str(number))
        number += every


def forked(work: Callable[[], None]) -> int:
    """Does it in a process of its own; its exit code."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
        sys.stdout.flush()
    except BaseException as error:
        print(json.dumps({"error": repr(error)}), flush=True)
        os._exit(1)
    os._exit(0)


def write(sweep: HandMadeSweep, number: int) -> None:
    """Writes a sweep, has a run retried, and writes that."""
    projected.connect = lambda store: Killing(connect(store), number)
    sweep.sync()
    with Ledger(sweep.folder) as ledger:
        ledger.append("retried", run_id="r1")
        sweep.run(ledger, "r1")
        ledger.append("stopped", reason="finished")
    sweep.sync()


def look(sweep: HandMadeSweep, number: int) -> None:
    """Syncs, and tells what is not as it should be."""
    projection = sweep.sync()
    wrong = [*projection.outcome().errors]
    runs = sweep.runs()
    wrong += [f"{run_id}: {len(found)} runs" for run_id, found in runs.items() if len(found) != 1]
    if set(runs) != {"", "r0", "r1"}:
        wrong.append(f"runs: {sorted(runs)}")
    for run_id, run in projection.ledger.runs.items():
        (child,) = runs[run_id]
        versions = sweep.client().search_model_versions(f"run_id = '{child.info.run_id}'")
        expected = ("FINISHED", 2) if run.status == "ok" else ("FAILED", 0)
        if (child.info.status, len(versions)) != expected:
            wrong.append(f"{run_id}: {child.info.status}, {len(versions)} versions")
        if child.data.tags["superior.complete"] != run.digest:
            wrong.append(f"{run_id}: not complete")
        if child.data.metrics["words_big.macro_f1"] != 0.8 or len(child.data.params) != 4:
            wrong.append(f"{run_id}: {child.data.metrics} {child.data.params}")
    (parent,) = runs[""]
    if parent.info.status != "FINISHED" or parent.data.params["pipeline"] != "mini":
        wrong.append(f"the sweep: {parent.info.status} {parent.data.params}")
    again = sweep.sync().tally
    if (again.added, again.replaced, again.removed, again.parent) != (0, 0, 0, False):
        wrong.append(f"a second look writes: {again}")
    print(json.dumps({"number": number, "wrong": wrong}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]) if len(sys.argv) > 4 else 1)
