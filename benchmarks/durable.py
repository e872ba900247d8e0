"""Claims: a checkpoint at every iteration of a training loop stalls it by 0.5 % or less of its
time; an event of the log costs 2 us or less with every event kept and sealed, a tenth or less of
opening, appending to and closing a file for each.

    python benchmarks/durable.py [--rounds 5] [--iterations 30] [--events 50000]

The loop is the batched proximal gradient of `vesuvius`: n = 200,000 rows of d = 64 correlated
columns, 135 candidates, float32, on one thread. Each round runs it without checkpoints, with each
of them written before the next iteration, and with the writer; the stall of a round is the time
spent in `submit` (or `save`), against that of its own iterations. How much slower the whole loop
is than without, the thread's share of the interpreter included, stands beside it; a busy machine
blurs it. A last flush is not counted: it happens once in a run.

Events have ten fields; what making their values costs the loop is measured on its own and taken
off all three. All is written below the current folder, which should be on a disk. The median over
the rounds is reported, with every round.
"""

import argparse
import os

os.environ.update(OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.config.vesuvius.training import Reference
from app.durable.checkpoint import Checkpoints, Snapshot
from app.durable.checkpoint_writer import CheckpointWriter
from app.durable.journal import Journal, read_events, verify
from app.pipelines.vesuvius.proximal import Batch, iterate

RESULTS = Path(__file__).parent / "results" / "durable.json"
ROWS, COLUMNS, CANDIDATES = 200_000, 64, 135
SOLVER = Reference(kind="reference", dtype="float32")
LOOPS = ("none", "save", "writer")
LOGS = ("open-append-close", "journal", "journal, buffered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--events", type=int, default=50_000)
    options = parser.parse_args()
    X, Y, batch = problem()
    loops: dict[str, list[dict[str, float]]] = {kind: [] for kind in LOOPS}
    logs: dict[str, list[float]] = {kind: [] for kind in LOGS}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        trained(X, Y, batch, 2, Path(folder) / "warm", "writer")
        for at in range(options.rounds):
            for kind in LOOPS:
                into = Path(folder) / f"{kind}{at}"
                loops[kind].append(trained(X, Y, batch, options.iterations, into, kind))
            values_us = logged(options.events, None)
            for kind in LOGS:
                us = log_of(kind, options.events, Path(folder) / f"{at}.{kind}.jsonl")
                logs[kind].append(us - values_us)
    report(loops, logs)


def problem() -> tuple[np.ndarray, np.ndarray, Batch]:
    """Correlated columns, as responses of filters at several scales are, and labels of 12."""
    rng = np.random.default_rng(0)
    mixed = np.eye(COLUMNS) + rng.standard_normal((COLUMNS, COLUMNS)) * 0.35 * np.sqrt(8 / COLUMNS)
    X = rng.standard_normal((ROWS, COLUMNS)) @ mixed
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    truth = np.zeros(COLUMNS)
    truth[:12] = 0.8 * rng.standard_normal(12)
    Y = rng.random(ROWS) < 1.0 / (1.0 + np.exp(1.0 - X @ truth))
    l1, l2 = np.meshgrid([1e-4, 3e-4, 1e-3, 3e-3, 1e-2], [1e-4, 1e-3, 1e-2])
    copies = CANDIDATES // l1.size
    batch = Batch(
        l1=np.tile(l1.ravel(), copies),
        l2=np.tile(l2.ravel(), copies),
        left_out=np.zeros((CANDIDATES, 2), np.int64),
        columns=np.ones((COLUMNS, CANDIDATES), bool),
    )
    return np.ascontiguousarray(X, np.float32), Y[:, None].astype(np.uint8), batch


def trained(
    X: np.ndarray, Y: np.ndarray, batch: Batch, iterations: int, folder: Path, kind: str
) -> dict[str, float]:
    """Milliseconds: of an iteration's own work, and of its stall."""
    W = np.zeros((COLUMNS, CANDIDATES), np.float32)
    b = np.zeros(CANDIDATES, np.float32)
    rng = np.random.default_rng(0)
    checkpoints = Checkpoints(folder, {"n": ROWS, "d": COLUMNS}, "bench")
    writer = CheckpointWriter(checkpoints)
    steps: dict[str, Callable[[Snapshot], Any]]
    steps = {"none": ignored, "save": checkpoints.save, "writer": writer.submit}
    work = stall = 0.0
    for iteration in range(iterations):
        began = time.perf_counter()
        W, b, _ = iterate(X, Y, W, b, batch, SOLVER)
        done = time.perf_counter()
        state = {
            "rng_states": rng.bit_generator.state,
            "best_metrics": {"score": 0.4, "f1": [0.9] * CANDIDATES},
        }
        cursor = {"epoch": 0, "candidate_index": 0, "iter": iteration, "max_iter": iterations}
        steps[kind](Snapshot(cursor, {"W": W, "b": b}, state))
        stall += time.perf_counter() - done
        work += done - began
    writer.close()
    if kind != "none":
        found = checkpoints.load()
        assert found is not None
        assert found.snapshot.arrays["W"].tobytes() == W.tobytes()
    return {"work_ms": 1e3 * work / iterations, "stall_ms": 1e3 * stall / iterations}


def ignored(_: Snapshot) -> None:
    """No checkpoint."""


def log_of(kind: str, events: int, path: Path) -> float:
    """Microseconds of an event, until the operating system has all of them."""
    if kind == "open-append-close":
        few = max(events // 10, 1)
        return logged(few, lambda event, **fields: appended(path, event, fields))
    buffer = 256 if kind == "journal, buffered" else 1
    with Journal(path, buffer_events=buffer) as journal:
        us = logged(events, journal.append, journal.flush)
    assert sum(1 for _ in read_events(path)) == events
    assert verify(path) == []
    return us


def logged(
    events: int, append: Callable[..., Any] | None, flush: Callable[[], None] | None = None
) -> float:
    """Microseconds of an event; without `append`, those of making its values and a call."""
    append = append or nothing
    began = time.perf_counter()
    for at in range(events):
        append(
            "fit_prox_iter",
            stage="train",
            epoch=1,
            candidate=at % 135,
            iter=at % 120,
            loss=0.123456789 + at * 1e-9,
            grad_norm=1.2e-3,
            step=0.08,
            nonzero=41,
            progress=12.345,
        )
    if flush is not None:
        flush()
    return 1e6 * (time.perf_counter() - began) / events


def nothing(
    event: str, stage: str, epoch: int, candidate: int, iter: int, loss: float, grad_norm: float,
    step: float, nonzero: int, progress: float,
) -> None:  # fmt: skip
    """Takes the values."""


def appended(path: Path, event: str, fields: dict[str, Any]) -> None:
    """The anchor: the file is opened and closed for each event, which carries its own hash."""
    told = {"ts_ns": time.time_ns(), "event": event, **fields}
    digest = hashlib.sha512(json.dumps(told, sort_keys=True).encode()).hexdigest()
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**told, "sha512": digest}) + "\n")


def report(loops: dict[str, list[dict[str, float]]], logs: dict[str, list[float]]) -> None:
    """Prints both tables (medians over rounds) and writes them with every round."""
    rows: dict[str, Any] = {}
    for kind, runs in loops.items():
        stalls = [100 * run["stall_ms"] / run["work_ms"] for run in runs]
        slower = [
            100 * ((run["work_ms"] + run["stall_ms"]) / bare["work_ms"] - 1)
            for run, bare in zip(runs, loops["none"], strict=True)
        ]
        rows[kind] = {
            "work_ms": statistics.median(run["work_ms"] for run in runs),
            "stall_ms": statistics.median(run["stall_ms"] for run in runs),
            "stall_percent": statistics.median(stalls),
            "stall_percents": stalls,
            "slower_percent": statistics.median(slower),
            "slower_percents": slower,
        }
    print(f"{'checkpoint':20}{'iteration ms':>14}{'stall ms':>10}{'stall %':>9}{'slower %':>10}")
    for kind, row in rows.items():
        numbers = f"{row['work_ms']:14.1f}{row['stall_ms']:10.3f}{row['stall_percent']:9.3f}"
        print(f"{kind:20}{numbers}{row['slower_percent']:10.2f}")
    anchor = logs["open-append-close"]
    events = {
        kind: {
            "us": statistics.median(us),
            "faster": statistics.median(a / b for a, b in zip(anchor, us, strict=True)),
            "rounds_us": us,
        }
        for kind, us in logs.items()
    }
    print(f"\n{'log':20}{'us/event':>14}{'faster':>10}")
    for kind, told in events.items():
        print(f"{kind:20}{told['us']:14.2f}{told['faster']:10.1f}")
    RESULTS.parent.mkdir(exist_ok=True)
    outcome = {"checkpoints": rows, "events": events}
    RESULTS.write_text(json.dumps(outcome, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
