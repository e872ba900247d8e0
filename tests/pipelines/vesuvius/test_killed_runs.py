"""kill -9 and SIGTERM at random steps of a training: what is handed in is that of a run nobody
disturbed, to the byte."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("killed_runs.py")
ROOT = Path(__file__).parents[3]
STEPS = 160 + 6  # 2 epochs of 2 batches of 40 iterations, and the student's updates


def runs(folder: Path, plan: list[dict[str, Any]]) -> list[int]:
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "plan.json", folder / "log.txt"
    file.write_text(json.dumps(plan))
    log.touch()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(file)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "KILLED_RUNS_LOG": str(log)},
    )
    codes: list[int] = json.loads(done.stdout.strip().splitlines()[-1])
    if 70 in codes or 1 in codes:
        pytest.fail(log.read_text()[-3000:])
    return codes


def told(output: Path, *more: str) -> list[str]:
    return ["profile=vesuvius_demo", "tracking=off", f"output_root={output}", *more]


def handed_in(output: Path) -> dict[str, Any]:
    """What must be the same: weights, metrics, submission."""
    folder = output / "reports/vesuvius/demo"
    results: dict[str, Any] = json.loads((folder / "summary.json").read_text())["results"]
    return {
        **results,
        "candidates": (folder / "candidates.json").read_text(),
        "weights": (folder / "model/weights.npy").read_bytes(),
        "submission.zip": (folder / "submission.zip").read_bytes(),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("undisturbed")
    assert runs(output, [{"overrides": told(output)}]) == [0]
    return handed_in(output)


def campaign(output: Path, undisturbed: dict[str, Any], kills: int, number: int, seed: int) -> None:
    """Runs that are killed at random steps, one after the other, then one to the end."""
    random, left, plan = Random(seed), kills, []
    ends = []
    while left:
        chain = min(left, random.randint(1, 6))
        where = told(output, f"run_name=demo{len(ends)}")
        far = 2 * STEPS // (chain + 1)
        plan += [
            {"overrides": where, "kill_at": random.randint(1, far), "signal": number}
            for _ in range(chain)
        ]
        plan.append({"overrides": where})
        ends.append(len(plan) - 1)
        left -= chain
    codes = runs(output, plan)
    killed = [code for at, code in enumerate(codes) if at not in ends]
    assert {codes[at] for at in ends} == {0}
    assert set(killed) <= {-9, 143, 0}  # 0: it had ended before the step it was to die at
    assert sum(code != 0 for code in killed) >= 0.6 * kills
    for at in range(len(ends)):
        folder = output / "reports/vesuvius"
        moved = output / f"of{at}/reports/vesuvius"
        moved.mkdir(parents=True)
        (folder / f"demo{at}").rename(moved / "demo")
        assert handed_in(output / f"of{at}") == undisturbed


@pytest.mark.slow
def test_thirty_kills(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    campaign(tmp_path, undisturbed, kills=36, number=9, seed=1)


@pytest.mark.slow
def test_ten_orderly_stops(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    campaign(tmp_path, undisturbed, kills=12, number=15, seed=2)


@pytest.mark.soak
def test_five_hundred_kills(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    for seed in range(10):
        campaign(tmp_path / str(seed), undisturbed, kills=60, number=9, seed=100 + seed)
