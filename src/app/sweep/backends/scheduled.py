"""Runs on other machines, which a scheduler chooses: the supervisor's side.

The scheduler is asked to start a run and, should that be needed, to forget it; what becomes of
the run is told by its machine, in files. What the scheduler knows is used only for runs of which
no machine tells.
"""

import contextlib
import logging
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.errors import SuperiorError, SweepError
from app.sweep.backends.attempt import REMOTE, Attempt, lost
from app.sweep.backends.lease import MARGIN_S, Lease, silent_s
from app.sweep.forks import Exited
from app.sweep.job import Job, Task
from app.sweep.zygote import Running, Told, Usage

LOOK_S = 0.2  # between looks at what machines tell
SCHEDULER_S = 1.0  # between questions to the scheduler
SETTLE_S = 2.0  # for what a machine wrote last to be seen here
OBEY_S = 10.0  # after which a machine that does not kill its run is taken the job away
CLOSE_S = 30.0

log = logging.getLogger("app.sweep")


@dataclass(frozen=True)
class Over:
    """What a scheduler says of a job that is over."""

    exit_code: int | None = None  # it could not do its part; None: it was ended
    reason: str = ""  # ram_limit
    text: str = ""


class Queue(Protocol):
    """A scheduler. A ticket is what it knows a job by."""

    def submit(self, job: Job, folder: Path) -> Any:
        """Has `launch(folder)` called on a machine with room for the job, once.

        Raises:
            SuperiorError: what the scheduler says against it.
        """

    def is_over(self, ticket: Any) -> bool:
        """Whether the job neither waits nor runs, as far as is known without much asking."""

    def why(self, ticket: Any) -> Over:
        """How a job that is over came to its end."""

    def cancel(self, ticket: Any) -> None:
        """Ends the job, or forgets it."""

    def forget(self, ticket: Any) -> None:
        """Removes what the scheduler's client keeps of a job that is over."""

    def close(self) -> None:
        """Ends the connection."""


@dataclass
class Flight:
    """An attempt that was submitted and has not ended."""

    job: Job
    attempt: Attempt
    ticket: Any
    is_claimed: bool = False
    killed_at: float | None = None
    over_at: float | None = None  # when the scheduler first said so
    asked: set[int] = field(default_factory=set)


class ScheduledBackend:
    """See `Backend`."""

    def __init__(self, queue: Queue, task: Task, folder: Path, lease_s: float) -> None:
        import cloudpickle

        self._queue, self._remote, self._lease_s = queue, folder / REMOTE, lease_s
        self._task = cloudpickle.dumps(task)
        self._lease: Lease | None = None  # from the first run on: the ledger is ours by then
        self._flights: dict[str, Flight] = {}
        self._landed: list[Any] = []  # tickets of runs that ended, until their job is over
        self._ready: list[Told] = []
        self._has_submitted = False
        self._next_question = 0.0

    def warm(self, families: Sequence[str]) -> None:
        """Each machine imports what its run needs."""

    def start(self, job: Job) -> None:
        if self._lease is None:
            self._lease = Lease(self._remote, self._lease_s)
        token = self._lease.token
        attempt = Attempt.create(self._remote, job, self._task, token, self._lease_s)
        try:
            ticket = self._queue.submit(job, attempt.folder)
        except SuperiorError as error:
            attempt.remove()
            if not self._has_submitted:
                raise
            _write_to_log(job, str(error))
            self._ready.append(
                Exited(job.run_id, job.attempt, SweepError.exit_code, None, 0.0, 0.0)
            )
            return
        self._has_submitted = True
        self._flights[job.run_id] = Flight(job, attempt, ticket)

    def poll(self, timeout_s: float) -> list[Told]:
        until = time.monotonic() + timeout_s
        while not (told := self._look()):
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(LOOK_S, left))
        return told

    def kill(self, run_id: str, signal_number: int) -> None:
        flight = self._flights.get(run_id)
        if flight is None or signal_number in flight.asked:
            return
        flight.asked.add(signal_number)
        flight.attempt.ask(signal_number)
        if signal_number == signal.SIGKILL:
            flight.killed_at = time.monotonic()
        self._ready += self._news(flight)
        if not flight.is_claimed and run_id in self._flights:  # a machine that comes to it now
            self._cancel(flight)  # finds what was asked
            ended = Exited(run_id, flight.job.attempt, None, signal_number, 0.0, 0.0)
            self._ready.append(self._land(flight, ended))

    def close(self) -> None:
        for run_id in list(self._flights):
            self.kill(run_id, signal.SIGKILL)
        until = time.monotonic() + CLOSE_S
        while self._flights and time.monotonic() < until:
            self.poll(LOOK_S)
        for flight in self._flights.values():
            log.warning(
                "the machine of %s does not answer; it ends the run when the lease is over",
                flight.job.run_id,
            )
            self._cancel(flight)
        until = time.monotonic() + SETTLE_S
        while self._landed and time.monotonic() < until:
            self._forget_landed()
            time.sleep(LOOK_S / 4)
        self._queue.close()
        if self._lease is not None:  # else the folder may be another supervisor's
            self._lease.close()
            self._lease = None
            if not self._flights:
                shutil.rmtree(self._remote, ignore_errors=True)

    def _look(self) -> list[Told]:
        """What machines have told since the last look."""
        told, self._ready = self._ready, []
        asks_scheduler = time.monotonic() >= self._next_question
        for flight in list(self._flights.values()):
            told += self._news(flight)
            if asks_scheduler and flight.job.run_id in self._flights:
                told += self._look_for_loss(flight)
        if asks_scheduler:
            self._forget_landed()
            self._next_question = time.monotonic() + SCHEDULER_S
        return told

    def _news(self, flight: Flight) -> list[Told]:
        """What the machine of this run tells."""
        news: list[Told] = []
        for line in flight.attempt.told():
            match line.pop("what"):
                case "claimed":
                    flight.is_claimed = True
                case "running":
                    news.append(Running(**line))
                case "usage":
                    news.append(Usage({flight.job.run_id: line["gb"]}))
                case "exited":
                    news.append(self._land(flight, Exited(**line)))
                    break
        return news

    def _look_for_loss(self, flight: Flight) -> list[Told]:
        """The end of a run whose machine does not tell it."""
        now = time.monotonic()
        if flight.killed_at is not None and now - flight.killed_at > OBEY_S:
            flight.killed_at = None
            self._cancel(flight)
        if flight.over_at is None and self._queue.is_over(flight.ticket):
            flight.over_at = now
        if flight.over_at is not None and now - flight.over_at > SETTLE_S:
            return self._news(flight) or [self._lose(flight, self._queue.why(flight.ticket))]
        if flight.is_claimed and silent_s(flight.attempt) > self._lease_s + MARGIN_S:
            self._cancel(flight)
            return [self._lose(flight, Over(text="its machine is not heard of any more"))]
        return []

    def _lose(self, flight: Flight, over: Over) -> Exited:
        job = flight.job
        _write_to_log(job, over.text)
        if over.exit_code is not None:
            ended = Exited(job.run_id, job.attempt, over.exit_code, None, 0.0, 0.0)
        elif over.reason:
            ended = Exited(job.run_id, job.attempt, None, signal.SIGKILL, 0.0, 0.0, over.reason)
        else:
            ended = lost(job.run_id, job.attempt)
        return self._land(flight, ended)

    def _land(self, flight: Flight, ended: Exited) -> Exited:
        del self._flights[flight.job.run_id]
        flight.attempt.remove()
        self._landed.append(flight.ticket)
        return ended

    def _forget_landed(self) -> None:
        over = [ticket for ticket in self._landed if self._queue.is_over(ticket)]
        for ticket in over:
            self._queue.forget(ticket)
            self._landed.remove(ticket)

    def _cancel(self, flight: Flight) -> None:
        with contextlib.suppress(Exception):  # the lease ends it anyway
            self._queue.cancel(flight.ticket)


def _write_to_log(job: Job, text: str) -> None:
    if text.strip():
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("a", encoding="utf-8") as written:
            written.write(f"{text.strip()}\n")
