"""The memory of a process tree, and the processes that belong to it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.sweep.limits import GB, Tree, machine_gb, proportional_bytes, resident_bytes
from app.sweep.strays import files_of, working_on

MB = 1_000_000
SRC = Path(__file__).parents[2] / "src"


@contextmanager
def holding(*what: object) -> Iterator[tuple[int, str]]:
    """`holds_memory.py`, in a process of its own: its pid, and what it says when it is ready."""
    command = [sys.executable, str(Path(__file__).with_name("holds_memory.py")), *map(str, what)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert process.stdout is not None
    try:
        yield process.pid, process.stdout.readline().strip()
    finally:
        Tree(process.pid).kill(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_tree_holds_what_its_children_hold() -> None:
    with holding("children", 3, 40) as (pid, _):
        tree = Tree(pid)
        assert tree.look() > 120 * MB
        assert len(tree.members) == 4
        assert tree.peak_bytes > 120 * MB


def test_pages_shared_by_forks_count_once_where_it_matters() -> None:
    with holding("share", 4, 100) as (pid, _):
        assert Tree(pid).look() > 400 * MB  # the cheap look counts them five times
        assert Tree(pid).look(limit=300 * MB) < 300 * MB
        assert proportional_bytes(pid) < 60 * MB


def test_a_killed_tree_is_gone_with_members_whose_parents_are() -> None:
    with holding("children", 2, 1) as (pid, _):
        tree = Tree(pid)
        tree.look()
        others = [psutil.Process(member) for member in tree.members - {pid}]
        tree.kill(signal.SIGKILL)
        psutil.wait_procs(others, timeout=5)
        assert not any(
            other.is_running() and other.status() != psutil.STATUS_ZOMBIE for other in others
        )


def test_nothing_is_held_by_a_process_that_is_gone() -> None:
    with holding("children", 0, 0) as (pid, _):
        assert (resident_bytes(pid) or 0) > 0
    assert resident_bytes(pid) is None
    assert proportional_bytes(pid) == 0
    assert Tree(pid).look() == 0


@pytest.mark.parametrize(("megabytes", "said"), [(60, "held"), (160, "refused")])
def test_the_limit_is_on_what_is_held_not_on_what_is_reserved(megabytes: int, said: str) -> None:
    with holding("cap", megabytes) as (_, told):
        assert told == said


def test_the_machine_has_memory() -> None:
    assert 0.1 < machine_gb() <= psutil.virtual_memory().total / GB


def test_processes_are_known_by_their_log_and_their_record(tmp_path: Path) -> None:
    log, record = tmp_path / "logs" / "run_a.log", tmp_path / "runs" / "a" / "record.jsonl"
    log.parent.mkdir()
    waits = [sys.executable, "-c", "import signal; signal.pause()"]
    with log.open("w") as output:
        by_log = subprocess.Popen(waits, stdout=output, start_new_session=True)
    by_record = subprocess.Popen(
        waits, env={"SUPERIOR_RECORD": str(record)}, start_new_session=True
    )
    other = subprocess.Popen(waits, env={"SUPERIOR_RECORD": str(tmp_path / "other")})
    try:
        assert str(log) in files_of(by_log.pid)
        found = working_on([f"{tmp_path}/logs/", f"{tmp_path}/runs/"])
        assert {process.pid for process in found} == {by_log.pid, by_record.pid}
    finally:
        for process in (by_log, by_record, other):
            process.kill()
            process.wait()
