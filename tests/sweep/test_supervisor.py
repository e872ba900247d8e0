"""The supervisor against a backend that does what the test says: no process, no waiting."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.durable.interrupt import Interrupted, interruptible
from app.durable.journal import verify
from app.sweep.admission import Admission, Measured
from app.sweep.forks import Exited
from app.sweep.job import Job
from app.sweep.ledger import LEDGER, Ledger, RunState, read_state
from app.sweep.outcome import Outcome
from app.sweep.signals import Terminated, held
from app.sweep.supervisor import Supervisor
from app.sweep.zygote import Running, Told, Zygote

End = Callable[["Scripted", Job], Exited | None]


def ok(backend: "Scripted", job: Job) -> Exited:
    Outcome(job.run_id, job.attempt, "ok", value=job.run_id, seconds=1.0).write(job.folder)
    return exited(job, exit_code=0)


def exited(job: Job, **told: Any) -> Exited:
    fields = {"exit_code": None, "signal": None, "cpu_s": 0.1, "peak_gb": 0.05}
    return Exited(job.run_id, job.attempt, **fields | told)


def hangs(backend: "Scripted", job: Job) -> None:
    return None


class Scripted:
    """A backend: each run ends as the script says for its name, else well."""

    def __init__(self, **script: End) -> None:
        self.script, self.jobs, self.told = script, list[Job](), list[Told]()
        self.kills: list[tuple[str, int]] = []

    def warm(self, families: Sequence[str]) -> None: ...

    def start(self, job: Job) -> None:
        self.jobs.append(job)
        self.told.append(Running(job.run_id, job.attempt, "host", 1, 1.0))
        if (end := self.script.get(job.run_id, ok)(self, job)) is not None:
            self.told.append(end)

    def poll(self, timeout_s: float) -> list[Told]:
        told, self.told = self.told, []
        return told

    def kill(self, run_id: str, signal_number: int) -> None:
        self.kills.append((run_id, signal_number))
        job = next(job for job in reversed(self.jobs) if job.run_id == run_id)
        self.told.append(exited(job, signal=signal_number))

    def close(self) -> None: ...


class Sweep:
    """A ledger of planned runs, carried out by one supervisor after another."""

    def __init__(self, folder: Path, names: str) -> None:
        self.folder, self.names = folder, names
        with Ledger(folder) as ledger:
            ledger.append("sweep", sweep_id="s", exp_id="e", command="c", config={})
            for position, name in enumerate(names):
                ledger.append(
                    "planned", run_id=name, position=position, key=name, repeat=0, seed=None,
                    overrides=[f"x={name}"], axes={"x": name}, kind="k", resource="light",
                    families=[],
                )  # fmt: skip

    def run(
        self,
        backend: Scripted,
        names: str | None = None,
        changed: Callable[[Supervisor], None] = lambda _: None,
        deadline: float | None = None,
        scheduler: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> str:
        limits = Scheduler.model_validate(scheduler or {})
        with Ledger(self.folder) as ledger:
            admission = Admission(limits, 2, 8.0, Measured(), deadline)

            def prepare(run: RunState, folder: Path, gb: float, limit: float | None) -> Job:
                folder.mkdir(parents=True, exist_ok=True)
                log = self.folder / "logs" / f"run_{run.run_id}.log"
                return Job(run.run_id, run.attempt, folder, log, b"", gb, limit)

            supervisor = Supervisor(
                ledger, backend, admission, Superior.model_validate(settings), limits, prepare,
                lambda run, folder: None, changed,
            )  # fmt: skip
            return supervisor.run([ledger.state.runs[name] for name in names or self.names])

    def statuses(self) -> str:
        runs = read_state(self.folder).runs.values()
        return " ".join(f"{run.run_id}:{run.status}" for run in runs)


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Sweep]:
    made = Sweep(tmp_path / "sweep", "abc")
    yield made
    assert verify(made.folder / LEDGER) == []


def test_all_runs_are_carried_out_in_order(sweep: Sweep) -> None:
    backend = Scripted()
    assert sweep.run(backend) == "finished"
    assert [job.run_id for job in backend.jobs] == ["a", "b", "c"]
    assert sweep.statuses() == "a:ok b:ok c:ok"
    assert sweep.run(Scripted()) == "finished"
    assert sweep.statuses() == "a:ok b:ok c:ok"


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        ({"exit_code": 1}, "failed", "ended with 1"),
        ({"exit_code": 99}, "oom", "out of memory"),
        ({"exit_code": 74}, "failed", "is there room"),
        ({"exit_code": 143}, "killed", "SIGTERM"),
        ({"exit_code": 130}, "killed", "SIGINT"),
        ({"signal": signal.SIGKILL}, "killed", "SIGKILL"),
        ({"signal": signal.SIGKILL, "reason": "ram_limit"}, "oom", "more memory than allowed"),
        ({"signal": signal.SIGSEGV}, "failed", "ended by SIGSEGV"),
    ],
)
def test_how_a_process_ended_is_told_by_its_cause(
    end: dict[str, Any], status: str, error: str, sweep: Sweep
) -> None:
    backend = Scripted(b=lambda _, job: exited(job, **end))
    assert sweep.run(backend, retries=0) == "finished"
    assert sweep.statuses() == f"a:ok b:{status} c:ok"
    assert error in read_state(sweep.folder).runs["b"].error


@pytest.mark.parametrize("end", [{"signal": signal.SIGKILL}, {"exit_code": 1}])
def test_a_run_whose_outcome_is_there_was_done_however_its_process_ended(
    end: dict[str, Any], sweep: Sweep
) -> None:
    def done_and_killed(backend: Scripted, job: Job) -> Exited:
        ok(backend, job)
        return exited(job, **end)

    backend = Scripted(b=done_and_killed)
    assert sweep.run(backend) == "finished"
    assert sweep.statuses() == "a:ok b:ok c:ok"
    assert len(backend.jobs) == 3


def test_a_killed_run_is_retried_as_often_as_it_may(sweep: Sweep) -> None:
    backend = Scripted(b=lambda _, job: exited(job, signal=signal.SIGKILL))
    assert sweep.run(backend, retries=2) == "finished"
    assert [job.attempt for job in backend.jobs if job.run_id == "b"] == [1, 2, 3]
    assert sweep.statuses() == "a:ok b:killed c:ok"


def left_running(sweep: Sweep, name: str, outcome: str | None) -> None:
    """As a supervisor leaves it that was killed while the run was at work."""
    folder = f"runs/{name}"
    with Ledger(sweep.folder) as ledger:
        ledger.append("started", run_id=name, attempt=1, backoff=0, folder=folder, ram_gb=0.5)
    if outcome:
        Outcome(name, 1, outcome, value=7, seconds=3.0).write(sweep.folder / folder)


@pytest.mark.parametrize(("outcome", "attempts"), [("ok", 0), ("failed", 1), (None, 1)])
def test_a_result_that_was_not_told_is_taken_over(
    outcome: str | None, attempts: int, sweep: Sweep
) -> None:
    left_running(sweep, "b", outcome)
    backend = Scripted()
    assert sweep.run(backend) == "finished"
    assert sweep.statuses() == "a:ok b:ok c:ok"
    assert [job.run_id for job in backend.jobs].count("b") == attempts
    assert read_state(sweep.folder).runs["b"].attempt == 1 + attempts


def test_runs_that_this_command_does_not_ask_for_are_not_left_as_running(sweep: Sweep) -> None:
    left_running(sweep, "b", "ok")
    left_running(sweep, "c", None)
    sweep.run(Scripted(), names="a")
    assert sweep.statuses() == "a:ok b:ok c:interrupted"


def test_an_outcome_from_before_is_not_taken_for_the_new_attempts(sweep: Sweep) -> None:
    Outcome("b", 1, "ok", value="of another program").write(sweep.folder / "runs" / "b")
    assert sweep.run(Scripted(b=lambda _, job: exited(job, exit_code=1))) == "finished"
    assert sweep.statuses() == "a:ok b:failed c:ok"


def test_nothing_is_started_that_would_not_end_before_the_deadline(sweep: Sweep) -> None:
    left_running(sweep, "a", "ok")  # the kind takes 3 s
    backend = Scripted()
    assert sweep.run(backend, deadline=time.monotonic() + 2) == "deadline"
    assert backend.jobs == []
    assert sweep.statuses() == "a:ok b:planned c:planned"
    assert sweep.run(backend, deadline=time.monotonic() + 100) == "finished"


def test_what_runs_at_the_deadline_is_asked_to_stop(sweep: Sweep) -> None:
    backend = Scripted(a=hangs, b=hangs)
    assert sweep.run(backend, deadline=time.monotonic() + 0.05) == "deadline"
    assert backend.kills == [("a", signal.SIGTERM), ("b", signal.SIGTERM)]
    assert sweep.statuses() == "a:interrupted b:interrupted c:planned"


def test_a_run_that_takes_too_long_is_ended_and_that_is_its_status(sweep: Sweep) -> None:
    backend = Scripted(b=hangs)
    assert sweep.run(backend, scheduler={"run_timeout": "0.05s"}) == "finished"
    assert sweep.statuses() == "a:ok b:timeout c:ok"


def test_a_command_starts_no_more_than_it_may(sweep: Sweep) -> None:
    assert sweep.run(Scripted(), max_runs=2) == "max_runs"
    assert sweep.statuses() == "a:ok b:ok c:planned"
    assert sweep.run(Scripted(), max_runs=2) == "finished"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_what_runs_and_is_raised_again(
    number: signal.Signals, sweep: Sweep
) -> None:
    def interrupt(_: Supervisor) -> None:
        os.kill(os.getpid(), number)

    expected = KeyboardInterrupt if number == signal.SIGINT else Interrupted
    with interruptible(), pytest.raises(expected):
        sweep.run(Scripted(a=hangs, b=hangs), changed=interrupt)
    assert sweep.statuses() == "a:interrupted b:interrupted c:planned"
    assert read_state(sweep.folder).stopped == "interrupted"
    assert sweep.run(Scripted()) == "finished"


def test_an_interrupt_while_an_event_is_written_waits_until_it_is(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the write and the count of it, an interrupt would leave a seal that does not fit."""
    write = os.write

    def interrupted(file: int, line: bytes) -> int:
        written = write(file, line)
        if b'"ended"' in line:
            monkeypatch.undo()
            signal.raise_signal(signal.SIGINT)
        return written

    with interruptible(), pytest.raises(KeyboardInterrupt), Ledger(sweep.folder) as ledger:
        monkeypatch.setattr(os, "write", interrupted)
        ledger.append("ended", run_id="a", status="ok")
    assert read_state(sweep.folder).runs["a"].status == "ok"
    with Ledger(sweep.folder) as ledger:
        ledger.append("ended", run_id="b", status="ok")
    assert sweep.statuses() == "a:ok b:ok c:planned"


def test_a_failure_of_our_own_is_the_reason_why_the_sweep_stopped(sweep: Sweep) -> None:
    def fails(_: Supervisor) -> None:
        raise RuntimeError("a bug\nin two lines")

    with pytest.raises(RuntimeError):
        sweep.run(Scripted(), changed=fails)
    assert read_state(sweep.folder).stopped == "failed: a bug"


def test_signals_wait_for_their_moment_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), held() as let:
        signal.raise_signal(signal.SIGINT)
        done = True
        let()
        done = False
    assert done
    with pytest.raises(Terminated) as ended, held():  # at the end, without being asked
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as under nohup
    try:
        with held() as let:
            signal.raise_signal(signal.SIGINT)
            let()
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_a_zygote_told_before_it_was_killed_is_not_lost() -> None:
    ours, theirs = Pipe()
    zygote = Zygote.__new__(Zygote)  # the owner's side alone
    zygote.connection = ours
    ended = Exited("a", 1, 0, None, 0.1, 0.1)
    theirs.send(ended)
    theirs.close()
    assert zygote.poll(1.0) == [ended]
    with pytest.raises(EOFError):
        zygote.poll(1.0)
