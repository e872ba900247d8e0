"""Runs of the study that kill themselves: one process that has everything imported forks a child for
each run, which dies at the n-th event of some kind, as if from outside.

    python killed_runs.py PLAN.json         [{"overrides": [...], "kill_at": 7, "signal": 9}, ...]

Prints one line of JSON with the exit of each: -9 for SIGKILL, 143 for an orderly SIGTERM.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

STEPS = {"fit_prox_iter", "fit_newton_path"}


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    warm()
    print(json.dumps([forked(told) for told in plan]))


def warm() -> None:
    """Imports, and compiles, what every run does."""
    from app.run import make_ready

    make_ready()
    import app.pipelines.vesuvius.whole_training  # noqa: F401


def forked(told: dict[str, Any]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        quiet = os.open(os.environ.get("KILLED_RUNS_LOG", os.devnull), os.O_WRONLY | os.O_APPEND)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            run_killed(told["overrides"], told.get("kill_at"), told.get("signal", 9))
        except SystemExit as ended:
            os._exit(ended.code if isinstance(ended.code, int) else 1)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def run_killed(overrides: list[str], kill_at: int | None, number: int) -> None:
    """One run; it gets the signal at the `kill_at`-th step of the training."""
    from app.config.compose import compose
    from app.console import errors_on_one_screen
    from app.durable.run import DurableRun
    from app.run import CONF, run

    steps = 0
    event = DurableRun.event

    def counted(self: DurableRun, name: str, **fields: Any) -> None:
        nonlocal steps
        event(self, name, **fields)
        if fields.get("stage") in STEPS or name == "STUDENT_UPDATE":
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.Signals(number))

    DurableRun.event = counted  # type: ignore[method-assign]
    with errors_on_one_screen():
        run(compose(overrides, CONF))


if __name__ == "__main__":
    main()
