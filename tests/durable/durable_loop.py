"""A loop made durable, as a program that tests kill.

    python durable_loop.py FOLDER STEPS BUDGET STAGES [HOW AT]

HOW: sigkill or sigterm, at the `AT`th step of this process. STAGES: letters of r(ead) f(it)
w(rite). A step takes PAUSE_S (environment). Prints the weights, in hex, and whether the deadline
was reached.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from app.durable.checkpoint import Snapshot
from app.durable.governor import Governor
from app.durable.interrupt import Interrupted, interruptible
from app.durable.run import DurableRun

PAUSE_S = float(os.environ.get("PAUSE_S", "0.002"))
PHASES = {"read": 1.0, "fit": 8.0, "write": 1.0}


def main(folder: Path, steps: int, budget: float, stages: str, how: str, at: int) -> None:
    governor = Governor(budget or None, reserve={"write": 0.02} if budget else {})
    with DurableRun(
        folder, study="toy", run_name="loop", phases=PHASES, governor=governor, beat_s=0.05
    ) as run:
        if "r" in stages:
            with run.phase("read"):
                run.advance(1.0)
        if "f" in stages:
            with run.phase("fit"):
                weights = fit(run, steps, how, at)
            print(weights.tobytes().hex(), run.deadline_reached)
        if "w" in stages:
            with run.phase("write"), run.until_deadline():
                time.sleep(0.005)


def fit(run: DurableRun, steps: int, how: str, at: int) -> np.ndarray:
    loaded = run.resume({"data": "6c91", "steps": "any"})
    first, weights, kept = 0, np.full(4, 0.1), np.full(4, 0.1)
    if loaded is not None:
        first, weights = loaded.snapshot.cursor["step"], loaded.snapshot.arrays["weights"]
    kept = weights.copy()
    with run.until_deadline():
        for step in range(first, steps):
            with run.unit("step"):
                weights = np.cos(weights * (step + 1))
                time.sleep(PAUSE_S)
                if how and step - first + 1 == at:
                    os.kill(os.getpid(), signal.Signals[how.upper()])
            run.event("PROGRESS_UPDATE", step=step + 1)
            run.checkpoint(Snapshot({"step": step + 1}, {"weights": weights}, {}))
            kept = weights.copy()
            run.advance((step + 1) / steps, {"step": step + 1}, {"step": 1})
    return kept


if __name__ == "__main__":
    folder, steps, budget, stages, *kill = sys.argv[1:]
    how, at = kill if kill else ("", "0")
    try:
        with interruptible():
            main(Path(folder), int(steps), float(budget), stages, how, int(at))
    except Interrupted as stopped:
        sys.exit(stopped.exit_code)
