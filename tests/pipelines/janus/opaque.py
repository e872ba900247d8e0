"""Log-probabilities that workers evaluate, and a program that is interrupted while they do."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.config.janus.sampler import Workers
from app.durable.interrupt import Interrupted, interruptible
from app.pipelines.janus.workers import Pool


def rough(theta: Any) -> float:
    """A value whose last bits depend on the order of a sum."""
    grid = np.linspace(0.0, 1.0, 301)
    matrix = np.sin(theta[0] * grid[:, None] + theta[1] * grid[None, :])
    return float(-np.log1p((matrix @ matrix).sum() ** 2))


def killed_at_three(theta: Any) -> float:
    if theta[0] == 3.0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def failing_at_three(theta: Any) -> Any:
    if theta[0] == 3.0:
        raise ValueError("no such universe")
    return -float(theta[0])


class Sleeper:
    """Says in a file that it was called, then sleeps for a minute, deaf to exceptions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, theta: Any) -> float:
        (self.folder / f"called-{os.getpid()}").touch()
        time.sleep(60.0)
        return 0.0


def main(folder: Path, backend: str) -> None:
    """Waits for the sleep of two workers, a thread of its own at work, until it is told to end."""
    threading.Thread(target=lambda: time.sleep(1000.0), daemon=True).start()
    pool = Pool(Sleeper(folder), 2, Workers.model_validate({"backend": backend}))
    try:
        with interruptible(), pool:
            pool(np.zeros((8, 2)))
    except Interrupted as error:
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
