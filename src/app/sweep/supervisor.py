"""The supervisor: starts what fits, watches it, and tells the ledger what became of it.

Every decision follows from the ledger; every event is written before what it tells of begins, and
after what it tells of has ended. So a supervisor may be killed anywhere: the next one reads the
ledger, takes over outcomes that were not told yet, and goes on.
"""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.config.durations import seconds_of
from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.durable.interrupt import Interrupted
from app.errors import SweepError
from app.sweep.admission import Admission
from app.sweep.backends import Backend
from app.sweep.consequences import Consequences, Smaller
from app.sweep.ending import status_of
from app.sweep.forks import Exited
from app.sweep.job import Job
from app.sweep.ledger import RETRIED, Ledger, RunState
from app.sweep.outcome import OUTCOME, Outcome, read_outcome
from app.sweep.policies import quality_flags
from app.sweep.signals import held
from app.sweep.zygote import Running, Usage

TICK_S = 0.25
GRACE_S = 5.0  # between SIGTERM and SIGKILL

Prepare = Callable[[RunState, Path, float, float | None], Job]  # run, folder, GB, limit


@dataclass
class Watched:
    """A run that was started by this supervisor."""

    run: RunState
    began: float
    ram_gb: float = 0.0
    asked: str = ""  # why we end it: timeout, stop
    asked_at: float = 0.0


class Supervisor:
    """Carries out the planned runs of one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        backend: Backend,
        admission: Admission,
        settings: Superior,
        scheduler: Scheduler,
        prepare: Prepare,
        smaller: Smaller,
        changed: Callable[["Supervisor"], None],
    ) -> None:
        self.ledger, self.backend, self.admission = ledger, backend, admission
        self.settings, self.scheduler = settings, scheduler
        self._prepare, self._changed = prepare, changed
        self._consequences = Consequences(ledger, admission, settings, scheduler, smaller)
        self.running: dict[str, Watched] = {}
        self.started = 0
        self._left: dict[str, RunState] = {}
        self._timeout_s = seconds_of(scheduler.run_timeout) if scheduler.run_timeout else None

    def run(self, runs: list[RunState]) -> str:
        """Carries out those of `runs` that are not final; why it stopped: finished, max_runs,
        deadline, or interrupted (then the interrupt is raised again)."""
        self._take_over(runs)
        order = sorted(runs, key=lambda run: (run.repeat, run.position))
        self._left = {run.run_id: run for run in order if not run.is_final}
        with held() as let_interrupt:
            try:
                reason = self._loop(let_interrupt)
            except (KeyboardInterrupt, Interrupted):
                self._end_running(let_interrupt)
                self.ledger.append("stopped", durable=True, reason="interrupted")
                raise
            except Exception as error:
                with suppress(SweepError):
                    first = str(error).partition("\n")[0]
                    self.ledger.append("stopped", durable=True, reason=f"failed: {first}")
                raise
        self.ledger.append("stopped", durable=True, reason=reason)
        return reason

    def _loop(self, let_interrupt: Callable[[], None]) -> str:
        while True:
            let_interrupt()
            reason = self._start_what_fits()
            self._changed(self)
            if not self.running:
                return reason
            for told in self.backend.poll(TICK_S):
                if isinstance(told, Running):
                    self._tell_running(told)
                elif isinstance(told, Usage):
                    for run_id, gb in told.ram_gb.items():
                        if run_id in self.running:
                            self.running[run_id].ram_gb = gb
                else:
                    self._take(told)
            self._watch_time()

    def _start_what_fits(self) -> str:
        """Starts runs while there is room; why nothing more starts, should nothing run."""
        for run in list(self._left.values()):
            if run.is_final:  # skipped by a policy
                del self._left[run.run_id]
                continue
            if self.settings.max_runs is not None and self.started >= self.settings.max_runs:
                return "max_runs"
            if not self.admission.is_in_time(run):
                continue
            if not self.admission.fits(run):
                break
            del self._left[run.run_id]
            self._start(run)
        return "deadline" if self._left else "finished"

    def _start(self, run: RunState) -> None:
        gb = self.admission.admit(run)
        folder = f"runs/{run.run_id}" + (f"_b{run.backoff}" if run.backoff else "")
        # an outcome that no ledger of this program told of must not be taken for this attempt's
        (self.ledger.folder / folder / OUTCOME).unlink(missing_ok=True)
        self.ledger.append(
            "started",
            run_id=run.run_id,
            attempt=run.attempt + 1,
            backoff=run.backoff,
            folder=folder,
            ram_gb=round(gb, 3),
        )
        self.started += 1
        self.running[run.run_id] = Watched(run, time.monotonic())
        limit = self.admission.limit_gb(run)
        self.backend.start(self._prepare(run, self.ledger.folder / folder, gb, limit))

    def _tell_running(self, told: Running) -> None:
        self.running[told.run_id].began = time.monotonic()  # it may have waited for the backend
        self.ledger.append(
            "running",
            run_id=told.run_id,
            attempt=told.attempt,
            host=told.host,
            pid=told.pid,
            process_started=told.process_started,
        )

    def _take(self, told: Exited) -> None:
        """Tells the ledger how a run ended, and does what follows from it."""
        watched = self.running.pop(told.run_id)
        run, folder = watched.run, self.ledger.folder / watched.run.folder
        outcome = read_outcome(folder, told.run_id, told.attempt)
        status, error = status_of(told, outcome, watched.asked, folder, self._log(run))
        seconds = time.monotonic() - watched.began
        self._tell_ended(run, status, error, outcome, told, seconds)
        self._follow(run)

    def _tell_ended(
        self,
        run: RunState,
        status: str,
        error: str,
        outcome: Outcome | None,
        told: Exited | None,
        seconds: float,
    ) -> None:
        metrics = outcome.metrics if outcome else {}
        rule = self.settings.early_stop
        flags = quality_flags(metrics, outcome.model_families, rule) if outcome else []
        self.ledger.append(
            "ended",
            durable=True,
            run_id=run.run_id,
            attempt=run.attempt,
            status=status,
            exit_code=(told.exit_code if told else 0),
            seconds=round(seconds, 3),
            cpu_s=round(told.cpu_s, 3) if told else 0.0,
            peak_gb=round(told.peak_gb, 4) if told else 0.0,
            error=error,
            value=outcome.value if outcome else None,
            metrics=metrics,
            quality_flags=flags,
            record=outcome.record if outcome else "",
            cached_stages=outcome.cached_stages if outcome else [],
        )
        self.admission.release(run)

    def _follow(self, run: RunState) -> None:
        """What the end of this run means for it and for others."""
        self._consequences.tell(run)
        if run.status == "planned":  # it is tried again
            self._left[run.run_id] = run

    def _watch_time(self) -> None:
        now = time.monotonic()
        deadline = self.admission.deadline
        for watched in self.running.values():
            if watched.asked:
                if now - watched.asked_at > GRACE_S:
                    self.backend.kill(watched.run.run_id, signal.SIGKILL)
            elif deadline is not None and now >= deadline:
                self._ask(watched, "stop")
            elif not watched.run.pid:  # it waits for a machine
                continue
            elif self._timeout_s is not None and now - watched.began > self._timeout_s:
                self._ask(watched, "timeout")

    def _ask(self, watched: Watched, why: str) -> None:
        watched.asked, watched.asked_at = why, time.monotonic()
        self.backend.kill(watched.run.run_id, signal.SIGTERM)

    def _end_running(self, let_interrupt: Callable[[], None]) -> None:
        """Ends what runs in order, then by force; at once when the interrupt is repeated."""
        for watched in self.running.values():
            self._ask(watched, "stop")
        until = time.monotonic() + 2 * GRACE_S
        while self.running and time.monotonic() < until:
            let_interrupt()
            for told in self.backend.poll(TICK_S):
                if isinstance(told, Exited):
                    self._take(told)
            self._watch_time()

    def _take_over(self, runs: list[RunState]) -> None:
        """Runs that an earlier supervisor left: ended without its knowing, or to be done again."""
        for run in self.ledger.runs():  # also those that this command does not ask for
            if run.status == "running":
                folder = self.ledger.folder / run.folder
                outcome = read_outcome(folder, run.run_id, run.attempt)
                if outcome is not None and outcome.status == "ok" and outcome.is_json:
                    self._tell_ended(run, "ok", "", outcome, None, outcome.seconds)
                    self._follow(run)
                else:
                    self._tell_ended(run, "interrupted", "", None, None, 0.0)
        for run in runs:
            if run.status in RETRIED and self.settings.retry_failed:
                self.ledger.append("retried", run_id=run.run_id)
            else:  # what follows may not have been told before a kill
                self._follow(run)

    def _log(self, run: RunState) -> Path:
        return self.ledger.folder / "logs" / f"run_{run.run_id}.log"
