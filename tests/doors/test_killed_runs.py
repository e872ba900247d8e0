"""The laptop reboots; the same command is typed again. The files are those of a run never killed.

A run is killed (SIGKILL) as soon as it has said that its N-th node ended: at chosen nodes here, at
at all others in `make soak`.
"""

import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NODES = 36
IN_CI = (3, 12, 19, 30)
RUN = [sys.executable, "-m", "app", "models=[check,tfidf_svm_quick]", "tracking=off"]


def run_until(node: int | None, root: Path) -> int:
    """Starts a run on the files of `root`; kills it when node number `node` has ended."""
    command = [*RUN, f"output_root={root}"]
    process = subprocess.Popen(
        command, cwd=PROJECT, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stderr is not None
    for line in process.stderr:
        ended = re.match(r"\[ *(\d+)/ *\d+\]", line)
        if ended and node is not None and int(ended[1]) >= node:
            process.send_signal(signal.SIGKILL)
    return process.wait(timeout=300)


def digests(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a run that nobody killed."""
    root = tmp_path_factory.mktemp("whole")
    assert run_until(None, root) == 0
    return digests(root)


@pytest.mark.parametrize(
    "node",
    [
        node if node in IN_CI else pytest.param(node, marks=pytest.mark.soak)
        for node in range(1, NODES)
    ],
)
def test_a_killed_run_is_finished_by_the_same_command(
    node: int, whole: dict[str, str], tmp_path: Path
) -> None:
    assert run_until(node, tmp_path) == -signal.SIGKILL
    assert run_until(None, tmp_path) == 0
    assert digests(tmp_path) == whole
