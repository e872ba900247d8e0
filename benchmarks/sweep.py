"""What a sweep costs over the work of its runs, against the other ways to make many runs.

    python benchmarks/sweep.py [--repeats 5] [--only overhead,resume,memory,ideo]

overhead  A Kedro pipeline of five small nodes, run many times: by our launcher (each run in a
          process of its own), by Hydra's basic (no isolation) and joblib launchers, by `kedro run`
          for each, and by a fresh process of this program for each, as the earlier orchestrator
          did it. Milliseconds a run are the slope between a short and a long sweep. Goals: 30 ms
          without composing and MLflow (the ledger's times), 120 ms all in, 10 times the last.
resume    The same command on a finished sweep of 1,000 runs. Goal: 5 s.
memory    How far a run goes over its limit before it is stopped, as another process sees it.
          Goal: 5 %.
ideo      Twelve runs over one dataset as a sweep, against twelve commands. Goal: 3 times faster.

All ways are run in turn; ratios are medians over the turns.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from startup import PROJECT, make_empty_project

BIN = Path(sys.executable).parent
SHORT, LONG = 4, 44
GB = 1e9
PROGRAM = """
import sys
import hydra
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

def plus_one(x):
    return x + 1

@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config):
    nodes = [Node(plus_one, f"d{i}", f"d{i + 1}", name=f"n{i}") for i in range(5)]
    catalog = DataCatalog({f"d{i}": MemoryDataset(copy_mode="assign") for i in range(6)})
    catalog["d0"] = MemoryDataset(config.x, copy_mode="assign")
    return SequentialRunner().run(Pipeline(nodes), catalog)["d5"].load()

main()
"""
CONFIG = """
x: 0
seed: 1
hydra: {output_subdir: null}
"""
TRACKING = """
tracking: {enabled: true, uri: "sqlite:///%s/mlflow.db", experiment: bench, register_models: false}
"""
FIVE_NODES = (
    "from kedro.pipeline import node, pipeline\n"
    "def plus_one(x=0): return x + 1\n"
    "def start(): return 0\n"
    "def register_pipelines():\n"
    "    rest = [node(plus_one, f'd{i}', f'd{i + 1}') for i in range(4)]\n"
    "    return {'__default__': pipeline([node(start, None, 'd0'), *rest])}\n"
)
GREEDY = """
import os, sys, time
import hydra

@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config):
    if config.x == 1:  # in a child, which RLIMIT_DATA of the run does not add up
        os.fork()
    held = []
    while True:
        held.append(bytearray(os.urandom(1)) * 4_000_000)
        time.sleep(0.002)

main()
"""


def wall(command: list[str], folder: Path, *, fails: bool = False) -> float:
    """Seconds of a command. Raises RuntimeError when it ends otherwise than told."""
    paths = os.pathsep.join([str(PROJECT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "DO_NOT_TRACK": "1", "PYTHONPATH": paths}
    started = time.perf_counter()
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if bool(ended.returncode) != fails:
        raise RuntimeError(f"{' '.join(command)}: {ended.returncode}\n{ended.stderr[-3000:]}")
    return seconds


def sweep_command(folder: Path, launcher: str, runs: int, *more: str) -> list[str]:
    values = ",".join(map(str, range(runs)))
    return [
        sys.executable, str(folder / "program.py"), "-m", f"x={values}",
        f"hydra/launcher={launcher}", *more,
    ]  # fmt: skip


def ours(folder: Path, out: Path, runs: int, *more: str) -> list[str]:
    chosen = ["hydra/sweeper=superior", f"hydra.sweep.dir={out}", *more]
    return sweep_command(folder, "superior", runs, *chosen)


def overhead(scratch: Path, repeats: int) -> dict[str, dict[str, float]]:
    plain, tracked, kedro = scratch / "plain", scratch / "tracked", scratch / "kedro"
    for folder in (plain, tracked):
        folder.mkdir()
        (folder / "program.py").write_text(PROGRAM)
        (folder / "config.yaml").write_text(CONFIG)
    (tracked / "config.yaml").write_text(CONFIG + TRACKING % scratch)
    make_empty_project(kedro)
    (kedro / "src" / "empty" / "pipeline_registry.py").write_text(FIVE_NODES)
    fresh = iter(range(10**6))

    def slope(make: Callable[[int], list[str]], folder: Path) -> float:
        short, long = wall(make(SHORT), folder), wall(make(LONG), folder)
        return (long - short) / (LONG - SHORT)

    def out() -> Path:
        return scratch / f"out{next(fresh)}"

    basic, joblib = f"hydra.sweep.dir={scratch / 'basic'}", f"hydra.sweep.dir={scratch / 'joblib'}"
    tiny = [sys.executable, "-m", "app", "models=tfidf_nb", "filters.max_docs_global=200"]
    ways: dict[str, Callable[[], float]] = {
        "superior, one at a time": lambda: slope(
            lambda runs: ours(plain, out(), runs, "+superior.parallel=1"), plain
        ),
        "superior, two at a time": lambda: slope(
            lambda runs: ours(plain, out(), runs, "+superior.parallel=2"), plain
        ),
        "superior, two at a time, MLflow": lambda: slope(
            lambda runs: ours(tracked, out(), runs, "+superior.parallel=2"), tracked
        ),
        "Hydra basic launcher (no isolation)": lambda: slope(
            lambda runs: sweep_command(plain, "basic", runs, basic), plain
        ),
        "Hydra joblib launcher, 2 jobs": lambda: slope(
            lambda runs: sweep_command(plain, "joblib", runs, "hydra.launcher.n_jobs=2", joblib),
            plain,
        ),
        "kedro run for each": lambda: wall([str(BIN / "kedro"), "run"], kedro),
        "python -m app for each (tiny ideo)": lambda: wall(
            [*tiny, f"output_root={scratch / 'alone'}", f"tracking.uri=sqlite:///{scratch}/a.db"],
            PROJECT,
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    executing = []
    for at in range(repeats + 1):
        for name, measure in ways.items():
            spent = measure()
            if at > 0:  # the first turn compiles bytecode and makes databases
                seconds[name].append(spent)
                if name == "superior, one at a time":
                    executing.append(_executing_s(scratch / f"out{next(fresh) - 1}"))
    rows = {name: {"ms": 1000 * statistics.median(told)} for name, told in seconds.items()}
    rows["superior, one at a time"]["ms_without_composing"] = 1000 * statistics.median(executing)
    anchor = seconds["superior, two at a time, MLflow"]
    for name, told in seconds.items():
        ratios = [other / own for other, own in zip(told, anchor, strict=True)]
        rows[name]["x_of_ours_all_in"] = statistics.median(ratios)
    return rows


def _executing_s(folder: Path) -> float:
    """Seconds a run between the first start and the last end, as the ledger has it."""
    starts, ends = [], []
    for line in (folder / "ledger.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event.get("event") == "started":
            starts.append(event["ts_ns"])
        elif event.get("event") == "ended":
            ends.append(event["ts_ns"])
    half = len(ends) // 2  # after the zygote has learned what runs import
    return (ends[-1] - ends[half]) / 1e9 / (len(ends) - 1 - half)


def resume(scratch: Path, repeats: int) -> dict[str, dict[str, float]]:
    folder, out = scratch / "many", scratch / "thousand"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    (folder / "config.yaml").write_text(CONFIG + TRACKING % folder)
    command = ours(folder, out, 1000)
    first = wall(command, folder)
    again = [wall(command, folder) for _ in range(repeats)]
    return {
        "1,000 runs, first command": {"s": first},
        "the same command again": {"s": statistics.median(again)},
    }


def memory(scratch: Path, repeats: int) -> dict[str, dict[str, float]]:
    folder = scratch / "greedy"
    folder.mkdir()
    (folder / "program.py").write_text(GREEDY)
    (folder / "config.yaml").write_text(CONFIG)
    rows = {}
    for number, name in enumerate(("one process (RLIMIT_DATA)", "two processes (watchdog)")):
        over = []
        for at in range(repeats):
            limit = 0.6
            command = [
                sys.executable, str(folder / "program.py"), "-m", f"x={number}",
                "hydra/launcher=superior", "hydra/sweeper=superior",
                f"+scheduler.max_ram_per_run_gb={limit}",
                f"hydra.sweep.dir={scratch / f'greedy{number}{at}'}",
            ]  # fmt: skip
            over.append(_highest_gb(command, folder) / limit - 1)
        rows[name] = {"overshoot": max(over)}
    return rows


def _highest_gb(command: list[str], folder: Path) -> float:
    """The most memory that a run's processes held together, by a thread that looks all the time."""
    highest, done = [0.0], threading.Event()

    def look() -> None:
        me = psutil.Process()
        while not done.is_set():
            with contextlib.suppress(psutil.Error):
                for command in me.children():
                    for run in (run for zygote in command.children() for run in zygote.children()):
                        members = [run, *run.children(recursive=True)]
                        highest[0] = max(highest[0], sum(map(_held, members)) / GB)
            time.sleep(0.001)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        wall(command, folder, fails=True)
    finally:
        done.set()
        looking.join()
    return highest[0]


def _held(process: psutil.Process) -> int:
    """Pages that several processes share count once, in parts."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def ideo(scratch: Path, repeats: int) -> dict[str, dict[str, float]]:
    """One model a run, so that all else is shared work."""
    axes = {
        "balance": ["none", "oversample"],
        "split.train_prop": ["0.6", "0.8"],
        "models": ["tfidf_nb", "tfidf_logreg", "tfidf_svm_quick"],
    }
    app = [sys.executable, "-m", "app"]
    alone, swept = [], []
    for at in range(repeats):
        root = scratch / f"ideo{at}"
        more = [f"tracking.uri=sqlite:///{root}.db", "tracking.register_models=false"]
        swept.append(
            wall(
                [*app, "-m", *(f"{key}={','.join(told)}" for key, told in axes.items()),
                 f"output_root={root}", *more],
                PROJECT,
            )
        )  # fmt: skip
        total = 0.0
        for balance in axes["balance"]:
            for prop in axes["split.train_prop"]:
                for model in axes["models"]:
                    chosen = [f"balance={balance}", f"split.train_prop={prop}", f"models={model}"]
                    one = [*app, *chosen, f"output_root={root}-{balance}{prop}{model}", *more]
                    total += wall(one, PROJECT)
        alone.append(total)
    ratios = [one / many for one, many in zip(alone, swept, strict=True)]
    return {
        "twelve commands": {"s": statistics.median(alone)},
        "one sweep, two at a time": {
            "s": statistics.median(swept),
            "times_faster": statistics.median(ratios),
        },
    }


CLAIMS = {"overhead": overhead, "resume": resume, "memory": memory, "ideo": ideo}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default=",".join(CLAIMS))
    given = parser.parse_args()
    results = PROJECT / "benchmarks" / "results" / "sweep.json"
    told = json.loads(results.read_text()) if results.exists() else {}
    for claim in given.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            told[claim] = CLAIMS[claim](Path(folder), given.repeats)
        print(f"\n{claim}")
        for name, row in told[claim].items():
            print(f"  {name:38} " + "  ".join(f"{key} {value:.3g}" for key, value in row.items()))
        results.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
