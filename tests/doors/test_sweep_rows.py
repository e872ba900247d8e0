"""Each row of a sweep equals the same configuration run alone, bit for bit: in the earlier system
ten of twelve rows carried another run's numbers, and every one of them was called a success."""

import csv
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.durable.journal import read_events, verify
from app.sweep.ledger import read_state

PROJECT = Path(__file__).parents[2]
APP = [sys.executable, "-m", "app"]
AXES = {
    "balance": ["none", "oversample"],
    "split.train_prop": ["0.5", "0.8"],
    "models": ["tfidf_nb", "tfidf_logreg", "check"],
}
RESULTS = ("interim", "processed", "models", "reports")  # what a run computes


def app(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*APP, *arguments, "tracking=off"],
        cwd=PROJECT,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def sweep(root: Path, *more: str) -> subprocess.CompletedProcess[str]:
    axes = [f"{key}={','.join(values)}" for key, values in AXES.items()]
    return app("-m", *axes, f"output_root={root}", "superior.exp_id=rows", *more)


def digests(folder: Path) -> dict[str, str]:
    """file -> SHA-256 of everything a run computed."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for name in RESULTS
        for file in sorted((folder / name).rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def rows(root: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """(balance, train_prop, models) -> digests of the run's files."""
    folder = root / "superior" / "rows"
    runs = read_state(folder).runs.values()
    assert {run.status for run in runs} == {"ok"}
    assert len({run.folder for run in runs}) == len(runs)
    return {tuple(run.axes[key] for key in AXES): digests(folder / run.folder) for run in runs}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], dict[str, str]]:
    """The twelve configurations, each run by a command of its own."""
    found = {}
    for number, values in enumerate(itertools.product(*AXES.values())):
        root = tmp_path_factory.mktemp(f"alone{number}")
        chosen = [f"{key}={value}" for key, value in zip(AXES, values, strict=True)]
        ended = app(*chosen, f"output_root={root}")
        assert ended.returncode == 0, ended.stderr
        found[values] = digests(root)
    assert len({tuple(files.items()) for files in found.values()}) == 12
    return found


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [1, 2])
def test_rows_equal_the_same_configuration_alone(
    alone: dict[tuple[str, ...], dict[str, str]], tmp_path: Path, parallel: int
) -> None:
    ended = sweep(tmp_path, f"superior.parallel={parallel}")
    assert ended.returncode == 0, ended.stderr
    assert rows(tmp_path) == alone


@pytest.mark.slow
def test_rows_equal_the_same_configuration_alone_after_kills(
    alone: dict[tuple[str, ...], dict[str, str]], tmp_path: Path
) -> None:
    folder = tmp_path / "superior" / "rows"
    for ended_runs in (2, 5, 9):
        _kill_after(ended_runs, tmp_path)
        assert sum(run.status == "ok" for run in read_state(folder).runs.values()) < 12
    ended = sweep(tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert rows(tmp_path) == alone
    told = [event["run_id"] for event in read_events(folder / "ledger.jsonl") if _is_ok(event)]
    assert len(told) == len(set(told)) == 12, "no finished run is repeated, none is lost"
    assert verify(folder / "ledger.jsonl") == []


@pytest.mark.slow
def test_every_axis_value_shows_in_the_config_its_run_logged(tmp_path: Path) -> None:
    import yaml

    assert sweep(tmp_path).returncode == 0
    folder = tmp_path / "superior" / "rows"
    for run in read_state(folder).runs.values():
        logged = yaml.safe_load((folder / run.folder / "config.yaml").read_text())
        assert logged["balance"]["strategy"] == run.axes["balance"]
        assert str(logged["split"]["train_prop"]) == run.axes["split.train_prop"]
        assert list(logged["models"]) == [run.axes["models"]]
        assert logged["output_root"] == str(folder / run.folder)
    with (folder / "runs.tsv").open(newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert len(table) == 12
    with (folder / "metrics_global.tsv").open(newline="") as file:
        scores = {row["run_id"]: row for row in csv.DictReader(file, delimiter="\t")}
    for run in read_state(folder).runs.values():
        (metrics,) = (folder / run.folder).glob("reports/*/*/*/*/metrics.json")
        kept = json.loads(metrics.read_text())
        assert float(scores[run.run_id]["accuracy"]) == kept["accuracy"]


def _is_ok(event: dict[str, object]) -> bool:
    return event["event"] == "ended" and event["status"] == "ok"


def _kill_after(runs: int, root: Path) -> None:
    """Starts the sweep, and kills it when so many runs have ended well."""
    axes = [f"{key}={','.join(values)}" for key, values in AXES.items()]
    command = [*APP, "-m", *axes, f"output_root={root}", "superior.exp_id=rows", "tracking=off"]
    started = subprocess.Popen(
        command, cwd=PROJECT, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert started.stderr is not None
    for line in started.stderr:  # one line for each run that ended
        if line.startswith(f"[{runs:2d}/12]"):
            break
    started.send_signal(signal.SIGKILL)
    started.wait()
