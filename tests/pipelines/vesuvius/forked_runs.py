"""Runs of the study, each in a process of its own that is forked from one that has done all its
imports and compiled its kernels; a run may kill itself at a step of the training, or stall there.

    python forked_runs.py           a line of JSON on stdin for each run, one on stdout at its end

    {"overrides": [...], "log": "a file", "kill_at": 7, "signal": 9, "stalls": {"12": 3.5}}
    {"overrides": [...], "log": "a file", "kill_at": 7, "saved": true}
    {"code": -9, "seconds": 1.3}    143 for an orderly SIGTERM; seconds of the process's life

Checkpoints are written off the hot path: at a step that kills, the disk may have none yet. With
`saved` the kill comes once it has two, of half that many steps and of all of them.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from typing import Any

STEPS = {"fit_prox_iter", "fit_newton_path"}


def main() -> None:
    warm()
    for line in sys.stdin:
        print(json.dumps(forked(json.loads(line))), flush=True)


def warm() -> None:
    """One whole run here: its children have all that it imported and compiled."""
    from app.run import make_ready

    make_ready()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        run_once({"overrides": ["profile=vesuvius_demo", "tracking=off", f"output_root={folder}"]})


def forked(told: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for ours, theirs in ((null, 0), (log, 1), (log, 2)):
            os.dup2(ours, theirs)
        try:
            run_once(told)
        except SystemExit as ended:
            os._exit(ended.code if isinstance(ended.code, int) else 1)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - began}


def run_once(told: dict[str, Any]) -> None:
    from app.config.compose import compose
    from app.console import errors_on_one_screen
    from app.run import CONF, run

    if "kill_at" in told:
        kill_at_step(told["kill_at"], told.get("signal", 9), told.get("saved", False))
    if "stalls" in told:
        stall_at({int(step): seconds for step, seconds in told["stalls"].items()})
    with errors_on_one_screen():
        run(compose(told["overrides"], CONF))


def kill_at_step(step: int, number: int, saved: bool) -> None:
    """This process gets the signal at that step of the training, counted from its start."""
    from app.durable.run import DurableRun

    event, steps = DurableRun.event, 0

    def counted(self: DurableRun, name: str, **fields: Any) -> None:
        nonlocal steps
        event(self, name, **fields)
        if fields.get("stage") in STEPS or name == "STUDENT_UPDATE":
            steps += 1
            if saved and steps in (step // 2, step) and self._checkpoints is not None:
                self._checkpoints.flush()
            if steps == step:
                os.kill(os.getpid(), signal.Signals(number))

    DurableRun.event = counted  # type: ignore[method-assign]


def stall_at(stalls: dict[int, float]) -> None:
    """Iterations, by number from the process's start, that take so many seconds more."""
    from app.pipelines.vesuvius import fit
    from app.pipelines.vesuvius.proximal import iterate

    number = 0

    def stalled(*arguments: Any) -> Any:
        nonlocal number
        number += 1
        time.sleep(stalls.get(number, 0.0))
        return iterate(*arguments)

    fit.iterate = stalled  # type: ignore[assignment]


if __name__ == "__main__":
    main()
