"""A Hydra program whose runs wait for a file `go`, and leave marks of what they did."""

import os
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import hydra
import psutil
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=None)
def wait(config: DictConfig) -> int:
    marks = Path(config.marks)
    for earlier in marks.glob(f"began_{config.x}_*"):
        if psutil.pid_exists(int(earlier.name.rpartition("_")[2])):
            (marks / f"overlap_{config.x}").touch()
    child = subprocess.Popen(["sleep", "600"])
    (marks / f"child_{child.pid}").touch()
    (marks / f"began_{config.x}_{os.getpid()}").touch()
    while not (marks / "go").exists():
        time.sleep(0.02)
    child.kill()
    child.wait()
    (marks / f"done_{config.x}_{uuid4().hex}").touch()
    return int(config.x) * 2


if __name__ == "__main__":
    wait()
