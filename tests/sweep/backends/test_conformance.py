"""Every backend carries out runs, limits them, and ends them, in the same way."""

import os
import signal
import socket
from pathlib import Path

from backend_bench import Bench, gone, processes_of
from backend_tasks import said


def test_what_a_run_returns_is_in_its_outcome(bench: Bench) -> None:
    ended, outcome = bench.end_of(bench.start("run", "give", value={"loss": 0.25, "of": [1, 2]}))
    assert (ended.exit_code, ended.signal, ended.reason) == (0, None, "")
    assert outcome is not None
    assert (outcome.status, outcome.value) == ("ok", {"loss": 0.25, "of": [1, 2]})
    assert ended.peak_gb > 0
    assert ended.cpu_s > 0
    told = bench.running["run"]
    assert told.host == socket.gethostname()
    assert told.pid not in (0, os.getpid())


def test_a_run_that_fails_tells_its_error(bench: Bench) -> None:
    ended, outcome = bench.end_of(bench.start("run", "fail", text="the third line is torn"))
    assert ended.exit_code == 1
    assert outcome is not None
    assert (outcome.status, outcome.error) == ("failed", "ValueError: the third line is torn")


def test_a_memory_error_is_told_as_out_of_memory(bench: Bench) -> None:
    ended, outcome = bench.end_of(bench.start("run", "run_out"))
    assert ended.exit_code == 99
    assert outcome is not None
    assert outcome.status == "oom"


def test_a_run_killed_from_outside_is_told_and_others_finish(bench: Bench) -> None:
    killed = bench.start("killed", "hang")
    bench.wait(lambda: said(killed.folder))
    other = bench.start("other", "give", value=1)
    bench.wait(lambda: "other" in bench.running)
    os.kill(bench.running["killed"].pid, signal.SIGKILL)
    ended, outcome = bench.end_of(killed)
    assert (ended.exit_code, ended.signal, ended.reason) == (None, signal.SIGKILL, "")
    assert outcome is None
    assert bench.end_of(other)[0].exit_code == 0
    bench.wait(lambda: gone(said(killed.folder)))


def test_children_that_hold_too_much_end_the_run(bench: Bench) -> None:
    job = bench.start("run", "hold_in_children", limit=0.3, mb=130, children=3)
    ended, _ = bench.end_of(job)
    assert (ended.exit_code, ended.reason) == (None, "ram_limit")
    bench.wait(lambda: gone(said(job.folder)))


def test_a_run_that_is_asked_ends_in_order(bench: Bench) -> None:
    job = bench.start("run", "tidy_up")
    bench.wait(lambda: said(job.folder))
    bench.backend.kill("run", signal.SIGTERM)
    ended, outcome = bench.end_of(job)
    assert ended.exit_code == 128 + signal.SIGTERM
    assert outcome is None
    assert (job.folder / "tidied").exists()


def test_sigkill_ends_all_that_a_run_started(bench: Bench) -> None:
    job = bench.start("run", "be_stubborn")
    bench.wait(lambda: said(job.folder))
    bench.backend.kill("run", signal.SIGTERM)
    bench.backend.kill("run", signal.SIGKILL)
    ended, _ = bench.end_of(job)
    assert ended.signal == signal.SIGKILL
    bench.wait(lambda: gone(said(job.folder)))


def test_what_a_run_prints_is_in_its_log(bench: Bench) -> None:
    job = bench.start("run", "print_lines")
    bench.end_of(job)
    lines = set(job.log.read_text().splitlines())
    assert lines == {"to the log", "to the log as well", "past Python"}


def test_a_run_has_the_environment_of_its_job(bench: Bench) -> None:
    _, outcome = bench.end_of(bench.start("run", "give_environment", name="SUPERIOR_TEST"))
    assert outcome is not None
    assert outcome.value == "of run"
    _, outcome = bench.end_of(bench.start("next", "give_environment", name="SUPERIOR_RECORD"))
    assert outcome is not None
    assert outcome.value == str(bench.folder / "runs" / "next" / "record.jsonl")


def test_two_runs_at_once(bench: Bench) -> None:
    jobs = [bench.start("one", "meet", other="two"), bench.start("two", "meet", other="one")]
    assert [bench.end_of(job)[0].exit_code for job in jobs] == [0, 0]


def test_nothing_runs_after_close(bench: Bench, tmp_path: Path) -> None:
    jobs = [bench.start("one", "hang"), bench.start("two", "be_stubborn")]
    bench.wait(lambda: all(said(job.folder) for job in jobs))
    bench.backend.close()
    assert gone([pid for job in jobs for pid in said(job.folder)])
    assert not processes_of(tmp_path)
