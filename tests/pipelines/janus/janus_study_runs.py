"""Runs of the study in processes of their own, forked from one that is kept for all the tests."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

DATA = ("rivals=none", "likelihood.parts.simulated.count=40", "run_name=a")
SMALL = {  # a run of each sampler that takes a part of a second, saved several times
    "emcee": (
        *("sampler=emcee", "sampler.walkers=8", "sampler.ensembles=2", "sampler.steps=300"),
        *("convergence.adaptive=false", "checkpoint.every=40"),
    ),
    "importance": (
        *("sampler=importance", "sampler.batch=64", "sampler.populations=2"),
        *("sampler.max_batches=30", "convergence.adaptive=false", "checkpoint.every=6"),
    ),
    "nautilus": (
        *("sampler=nautilus", "sampler.live_points=50", "sampler.n_eff=150"),
        *("sampler.networks=0", "checkpoint.every=150"),
    ),
    "dynesty": ("sampler=dynesty", "sampler.live_points=30", "checkpoint.every=60"),
    "quadrature": (
        *("cosmology=lcdm_curved", "sampler=quadrature", "sampler.nodes=24"),
        *("sampler.tail=8", "checkpoint.every=1"),
    ),
}

CUSTOM = (  # a function of two parameters, in Python; `module` writes it
    *("cosmology=custom", "likelihood=none", "rivals=none", "run_name=a"),
    *("cosmology.prior.a={kind: uniform, low: -5, high: 5}",),
    *("cosmology.prior.b={kind: normal, mean: 0.0, sd: 2.0}",),
)


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, what it said, and what it counted."""

    code: int
    pid: int
    seconds: float
    latency: float
    said: str
    counts: dict[str, int] = field(default_factory=dict)


class JanusRuns:
    """The process that runs are forked from."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "janus_forked_runs.py"), str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.with_suffix(".warm").open("w"),
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT / "src")},
        )

    def __call__(self, output: Path, *overrides: str, **told: Any) -> Ended:
        """One run; `told`: strike, after, to_nodes."""
        self.start(output, *overrides, **told)
        return self.end()

    def start(self, output: Path, *overrides: str, **told: Any) -> None:
        """Begins a run and returns at once; only one runs at a time."""
        assert self._process.stdin is not None
        request = {"overrides": list(overrides), "output": str(output), **told}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def end(self) -> Ended:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._log.with_suffix(".warm").read_text()[-3000:])
        answer = json.loads(line)
        ended = Ended(said=self._log.read_text(errors="replace"), **answer)
        assert ended.code != 70, ended.said
        return ended

    def left_over(self) -> list[int]:
        """Processes of runs that have ended, or of their workers."""
        import psutil

        mine = [str(HERE / "janus_forked_runs.py"), str(self._log)]
        found = (one for one in psutil.process_iter(["cmdline"]) if one.pid != self._process.pid)
        return [one.pid for one in found if (one.info["cmdline"] or [])[1:] == mine]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def folder_of(output: Path, run_name: str = "a") -> Path:
    """The files of a run."""
    return output / "reports" / "janus" / run_name


def module(folder: Path, *lines: str, name: str = "own_model.py") -> str:
    """An override that names a module with the function `log_prob`, of these lines."""
    file = folder / name
    body = lines or ("return -0.5 * ((theta[0] - 1.0) ** 2 + (theta[1] + 0.5 * theta[0]) ** 2)",)
    text = ["import math", "import time", "", "", "def log_prob(theta):"]
    file.write_text("\n".join([*text, *(f"    {line}" for line in body)]) + "\n")
    return f"cosmology.log_prob_module={file}"


def read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def digests(folder: Path, *patterns: str) -> dict[str, str]:
    """Path below `folder` -> sha256, of every file that a pattern finds; at least one is there."""
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }
    assert found, f"{folder}: none of {patterns}"
    return found


def drawn(output: Path, run_name: str = "a") -> dict[str, str]:
    """What must be the same to the byte, whatever happened to the run on its way."""
    return digests(folder_of(output, run_name), "draws/*.npy", "draws/about.json")


def events(output: Path, name: str, run_name: str = "a") -> list[dict[str, Any]]:
    """The events of that name in the journal of a run, in order."""
    from app.durable.journal import read_events

    journal = folder_of(output, run_name) / "journal.jsonl"
    return [event for event in read_events(journal) if event["event"] == name]
