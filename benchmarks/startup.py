"""What a command costs before any work is done, against `kedro run` of an empty Kedro project.

Claims: `python -m app --help` and a one-node run take at most 1.5 times the anchor; a cold tiny
`ideo` run with one sklearn model and MLflow takes at most 3 s of CPU (the earlier system: 13.3).

    python benchmarks/startup.py [--repeats 5]

Anchor and ours are run in turn, each a fresh process; CPU is user + system of the process and of
every child it waited for, as the operating system accounts it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

EMPTY_PROJECT = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "empty"\nproject_name = "empty"\n'
    'kedro_init_version = "1.7.0"\nsource_dir = "src"\n',
    "src/empty/__init__.py": "",
    "src/empty/settings.py": "",
    "src/empty/pipeline_registry.py": "from kedro.pipeline import node, pipeline\n"
    "def nothing(): return {}\n"
    "def register_pipelines():\n"
    "    return {'__default__': pipeline([node(nothing, None, 'nothing')])}\n",
    "conf/base/catalog.yml": "{}\n",
    "conf/base/parameters.yml": "{}\n",
    "conf/local/.gitkeep": "",
    ".telemetry": "consent: false\n",
}


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU and wall seconds of one run of `command`.

    Raises:
        RuntimeError: the command failed; its output is in the message.
    """
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{output.read()}")
    return usage.ru_utime + usage.ru_stime, wall


def make_empty_project(folder: Path) -> None:
    for name, text in EMPTY_PROJECT.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def commands(scratch: Path) -> dict[str, tuple[list[str], Path]]:
    app = [sys.executable, "-m", "app"]
    kedro = [str(BIN / "kedro"), "run"]
    one_model = ["models=tfidf_svm_quick", f"output_root={scratch / 'out'}"]
    tiny = [*one_model, "filters.max_docs_global=200"]
    return {
        "kedro run, empty project (anchor)": (kedro, scratch / "empty"),
        "python -m app --help": ([*app, "--help"], PROJECT),
        "one-node run, Kedro door": (
            [*kedro, "--nodes", "identify", "--params", ",".join([*one_model, "tracking=off"])],
            PROJECT,
        ),
        "tiny ideo run, no MLflow": ([*app, *tiny, "tracking=off"], PROJECT),
        "tiny ideo run, MLflow, new database": (
            [*app, *tiny, f"tracking.uri=sqlite:///{scratch}/new.db"],
            PROJECT,
        ),
        "tiny ideo run, MLflow": (
            [*app, *tiny, f"tracking.uri=sqlite:///{scratch}/old.db"],
            PROJECT,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        make_empty_project(scratch / "empty")
        runs = commands(scratch)
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for at in range(repeats + 1):
            for name, (command, where) in runs.items():
                if "new database" in name:
                    (scratch / "new.db").unlink(missing_ok=True)
                measured = measure(command, where)
                if at > 0:  # the first turn compiles bytecode and makes databases
                    seconds[name].append(measured)
    report(seconds)


def report(seconds: dict[str, list[tuple[float, float]]]) -> None:
    anchor_name, *_ = seconds
    anchor = [wall for _, wall in seconds[anchor_name]]
    rows = {
        name: {
            "cpu_s": round(statistics.median(cpu for cpu, _ in measured), 3),
            "wall_s": round(statistics.median(wall for _, wall in measured), 3),
            "wall_ratio": round(
                statistics.median(
                    wall / base for (_, wall), base in zip(measured, anchor, strict=True)
                ),
                2,
            ),
        }
        for name, measured in seconds.items()
    }
    print(f"{'command':40} {'CPU s':>7} {'wall s':>7} {'x anchor':>9}")
    for name, row in rows.items():
        print(f"{name:40} {row['cpu_s']:7.2f} {row['wall_s']:7.2f} {row['wall_ratio']:9.2f}")
    results = PROJECT / "benchmarks" / "results" / "startup.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps({"anchor": anchor_name, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
