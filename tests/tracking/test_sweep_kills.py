"""The writer of a sweep is killed before each of its requests; the next look mends everything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def killed_at(every: int, project: Path, run_folder: Path, empty_store: Path) -> list[dict]:
    told = subprocess.run(
        [
            sys.executable,
            str(HERE / "kill_writer.py"),
            project,
            run_folder,
            empty_store,
            str(every),
        ],
        env={**os.environ, "PYTHONPATH": f"{HERE.parents[1] / 'src'}:{HERE}"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_some_kills(tmp_path: Path, run_folder: Path, empty_store: Path) -> None:
    told = killed_at(37, tmp_path, run_folder, empty_store)
    assert len(told) > 2
    assert [one for one in told if one["wrong"]] == []


@pytest.mark.soak
def test_every_kill(tmp_path: Path, run_folder: Path, empty_store: Path) -> None:
    told = killed_at(1, tmp_path, run_folder, empty_store)
    assert len(told) > 50
    assert [one for one in told if one["wrong"]] == []
