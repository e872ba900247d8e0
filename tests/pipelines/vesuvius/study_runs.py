"""Runs of the study in processes of their own, forked from one that is kept for all the tests."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, its seconds, and what it said."""

    code: int
    seconds: float
    said: str


class Runs:
    """The process that runs are forked from."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "forked_runs.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.with_suffix(".warm").open("w"),
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT / "src")},
        )

    def __call__(self, output: Path, *overrides: str, **told: Any) -> Ended:
        """One run of the profile `vesuvius_demo`; `told`: kill_at, signal, saved, stalls."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        where = ["profile=vesuvius_demo", f"output_root={output}"]
        if not any(item.startswith("tracking") for item in overrides):
            where.append("tracking=off")
        request = {"overrides": [*where, *overrides], "log": str(self._log), **told}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._log.with_suffix(".warm").read_text()[-3000:])
        answer = json.loads(line)
        ended = Ended(answer["code"], answer["seconds"], self._log.read_text())
        assert ended.code != 70, ended.said
        return ended

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def folder_of(output: Path, run_name: str = "demo") -> Path:
    """The files of a run."""
    return output / "reports" / "vesuvius" / run_name


def read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def handed_in(output: Path, run_name: str = "demo") -> dict[str, Any]:
    """What must be the same to the byte, whatever happened to the run on its way."""
    folder = folder_of(output, run_name)
    results: dict[str, Any] = read_json(folder / "summary.json")["results"]
    names: Sequence[str] = ("candidates.json", "scores.json", "submission.zip")
    return {
        **results,
        **{name: (folder / name).read_bytes() for name in names},
        "weights": (folder / "model/weights.npy").read_bytes(),
    }


def events(output: Path, name: str, run_name: str = "demo") -> list[dict[str, Any]]:
    """The events of that name in the journal of a run, in order."""
    from app.durable.journal import read_events

    journal = folder_of(output, run_name) / "journal.jsonl"
    return [event for event in read_events(journal) if event["event"] == name]
