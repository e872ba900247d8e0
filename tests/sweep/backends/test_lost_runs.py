"""Runs whose machine does not tell how they ended."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from backend_bench import Bench, gone, processes_of
from backend_tasks import said

from app.sweep.backends import lease
from app.sweep.backends.attempt import REMOTE, Attempt
from app.sweep.backends.lease import Lease, LeaseWatch, end_leftovers
from app.sweep.backends.remote import launch
from app.sweep.job import Job

RAY = pytest.param("ray", marks=pytest.mark.xdist_group("ray"))
SCHEDULERS = {"slurm": "submitit.core._submit", "ray": "ray::superior-"}  # what it calls


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm", RAY], indirect=True)
def test_a_killed_process_that_looks_after_a_run_ends_it(bench: Bench) -> None:
    job = bench.start("run", "hang")
    bench.wait(lambda: said(job.folder))
    parent = psutil.Process(bench.running["run"].pid).parent()
    assert parent is not None
    parent.kill()
    require_lost(bench, job)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm", RAY], indirect=True)
def test_a_killed_process_of_the_scheduler_ends_its_run(bench: Bench, kind: str) -> None:
    job = bench.start(f"run_{os.getpid()}", "hang")
    bench.wait(lambda: said(job.folder))
    mark = SCHEDULERS[kind] + (job.run_id if kind == "ray" else "")
    where = str(bench.folder) if kind == "slurm" else ""
    (called,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if mark in (line := " ".join(process.info["cmdline"] or [])) and where in line
    )
    called.kill()
    require_lost(bench, job)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm"], indirect=True)
def test_a_job_that_the_scheduler_lost_is_told(bench: Bench) -> None:
    job = bench.start("run", "tidy_up")
    bench.wait(lambda: said(job.folder))
    machine = processes_of(bench.folder)
    for process in machine:
        process.suspend()  # so that none sees another one's end
    for process in machine:
        process.kill()
    require_lost(bench, job)


def require_lost(bench: Bench, job: Job) -> None:
    ended, outcome = bench.end_of(job)
    assert (ended.exit_code, ended.signal) == (None, signal.SIGKILL)
    assert outcome is None
    bench.wait(lambda: gone(said(job.folder)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm", RAY], indirect=True)
def test_a_run_that_has_not_begun_is_taken_back(bench: Bench) -> None:
    job = bench.start("run", "give", value=1)
    bench.backend.kill("run", signal.SIGTERM)
    ended, outcome = bench.end_of(job)
    assert (ended.exit_code, ended.signal) in ((None, signal.SIGTERM), (None, signal.SIGKILL))
    assert outcome is None
    assert not job.folder.exists()


def test_a_machine_that_begins_too_late_does_nothing(sweep: Path) -> None:
    waiting = attempt_of(sweep, "waiting")
    assert end_leftovers(sweep) == 0
    launch(str(waiting.folder))
    assert not waiting.folder.exists()


def test_a_job_that_is_begun_again_by_its_scheduler_does_nothing(sweep: Path) -> None:
    attempt = attempt_of(sweep, "run")
    attempt.tell("claimed", host="elsewhere", pid=1, started=1.0)
    launch(str(attempt.folder))
    assert [line["what"] for line in attempt.told()] == ["claimed", "exited"]


def test_a_torn_line_of_a_lost_machine_hides_no_later_one(sweep: Path) -> None:
    attempt = attempt_of(sweep, "run")
    with (attempt.folder / "told").open("ab") as file:
        file.write(b'{"what": "usa')
    assert attempt.told() == []
    attempt.tell("usage", gb=0.5)
    assert attempt.told() == [{"what": "usage", "gb": 0.5}]


def test_a_machine_that_is_silent_for_longer_than_the_lease_is_waited_for_no_more(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = attempt_of(sweep, "run")
    attempt.tell("claimed", host="elsewhere", pid=1, started=1.0)
    waits: list[float] = []

    def silence(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            set_age(attempt.folder / "told", 5 + lease.MARGIN_S + 1)

    monkeypatch.setattr(time, "sleep", silence)
    assert end_leftovers(sweep) == 1
    assert len(waits) == 3


def test_a_machine_sees_its_supervisor_and_the_end_of_it(sweep: Path) -> None:
    held = Lease(sweep / REMOTE, 5)
    attempt = attempt_of(sweep, "run")
    watch = LeaseWatch(attempt, held.token, 5)
    assert not watch.is_over()
    held.close()
    assert watch.is_over()


def test_a_lease_that_is_not_touched_ends(sweep: Path) -> None:
    held = Lease(sweep / REMOTE, 1000)
    attempt = attempt_of(sweep, "run")
    watch = LeaseWatch(attempt, held.token, 5)
    set_age(sweep / REMOTE / "lease", 4)
    assert not watch.is_over()
    set_age(sweep / REMOTE / "lease", 6)
    assert watch.is_over()
    held.close()


def test_a_supervisor_touches_its_lease(sweep: Path) -> None:
    held = Lease(sweep / REMOTE, 0.06)
    set_age(sweep / REMOTE / "lease", 1000)
    until = time.monotonic() + 10
    while time.time() - (sweep / REMOTE / "lease").stat().st_mtime > 500:
        assert time.monotonic() < until
    held.close()


def test_a_machine_that_cannot_see_the_lease_goes_on_until_it_is_over(sweep: Path) -> None:
    held = Lease(sweep / REMOTE, 5)
    attempt = attempt_of(sweep, "run")
    watch = LeaseWatch(attempt, held.token, 5)
    never = LeaseWatch(attempt, held.token, 5)
    assert not watch.is_over()
    held.close()
    (sweep / REMOTE / "lease").unlink()
    assert not watch.is_over()
    assert never.is_over()


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return tmp_path


def attempt_of(sweep: Path, run_id: str, **told: Any) -> Attempt:
    job = Job(run_id, 1, sweep / "runs" / run_id, sweep / "log", b"", 0.1)
    return Attempt.create(sweep / REMOTE, job, b"", "of nobody", 5)


def set_age(file: Path, seconds: float) -> None:
    os.utime(file, (time.time() - seconds,) * 2)
