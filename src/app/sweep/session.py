"""One command on a sweep: opens its ledger, plans, supervises, and writes what people read."""

import contextlib
import logging
import os
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from omegaconf import open_dict

from app.config.scheduler import Scheduler
from app.config.superior import Superior, deadline_at, seconds_of
from app.durable.process import ProcessId
from app.errors import ConfigError, InputError, SweepError
from app.sweep.admission import Admission, Measured
from app.sweep.application import Application
from app.sweep.backends import Backend, lease
from app.sweep.job import Job
from app.sweep.ledger import LEDGER, Ledger, RunState, read_state
from app.sweep.leftovers import end_leftovers
from app.sweep.limits import machine_gb
from app.sweep.plan import Compose, Configs, Plan, axes_of, make_plan, seeded, without_own
from app.sweep.supervisor import Supervisor

MACHINE_SHARE = 0.8  # of its memory, where scheduler.max_ram_gb does not say

log = logging.getLogger("app.sweep")


class Projection(Protocol):
    """What follows the ledger while a sweep runs; rebuilt from it at any time."""

    def changed(self, supervisor: Supervisor) -> None:
        """Called often: must not wait."""

    def finish(self) -> list[str]:
        """Completes it at the end of a command; sentences about what went wrong."""


@dataclass(frozen=True)
class Definition:
    """What a sweep is, whoever asked for it."""

    folder: Path
    command: str
    config: Mapping[str, Any]  # without the axes
    settings: Superior
    scheduler: Scheduler
    application: Application
    compose: Compose
    source: Mapping[str, str]  # of the code that runs: git commit and the like, as MLflow tags
    program: str | None  # changes with a program whose code is a part of what a sweep is
    is_whole_grid: bool  # the jobs of one launch are all of them


class SweepSession:
    """The ledger and the backend of one command; `launch` may be called several times."""

    def __init__(
        self, sweep: Definition, backend: Backend, projections: Sequence[Projection]
    ) -> None:
        """Raises InputError when another supervisor is at work on this sweep."""
        self.sweep, self.backend, self.projections = sweep, backend, projections
        self._deadline = _deadline(sweep.settings)
        self.ledger = _open(sweep)
        self.configs = Configs(sweep.compose, sweep.application)
        self.fingerprint = sweep.application.fingerprint()
        self.reason = ""
        self._started = 0

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> Plan:
        """Carries out the runs of these jobs that have no result yet.

        Raises:
            ConfigError: the plan is wrong; nothing was started.
        """
        plan = self.plan(jobs, first)
        admission = self._admission()
        admission.require_possible(plan.runs)
        self._record(plan)
        pending = [run for run in plan.runs if not run.is_final]
        if pending:
            families = sorted({family for run in pending for family in run.families})
            self.backend.warm(families)
        supervisor = Supervisor(
            ledger=self.ledger,
            backend=self.backend,
            admission=admission,
            settings=self.sweep.settings.model_copy(update={"max_runs": self._runs_left()}),
            scheduler=self.sweep.scheduler,
            prepare=self._job,
            smaller=self._smaller,
            changed=self._changed,
        )
        try:
            self.reason = supervisor.run([self.ledger.state.runs[run.run_id] for run in plan.runs])
        except BaseException:
            self.reason = "interrupted"
            raise
        finally:
            self._started += supervisor.started
        return plan

    def plan(self, jobs: Sequence[Sequence[str]], first: int) -> Plan:
        """The plan of these jobs, not yet recorded."""
        own = [self.sweep.application.named(job) for job in without_own(jobs)]
        if self.sweep.is_whole_grid:
            _require_nothing_dropped(own, self.ledger)
        state = self.ledger.state
        unchanged = (
            self.fingerprint is not None and state.supervisor.get("fingerprint") == self.fingerprint
        )
        plan = make_plan(own, first, state, self.sweep.settings, self.configs, unchanged)
        axis = self.sweep.settings.early_stop.axis
        if axis is not None and self.sweep.is_whole_grid and axis not in axes_of(own):
            raise ConfigError(
                f"superior.early_stop.axis={axis}: not an axis of this sweep, which has "
                f"{', '.join(axes_of(own)) or 'none'}"
            )
        return plan

    def close(self) -> list[str]:
        """Ends the backend, completes the projections, closes the ledger; what went wrong."""
        problems: list[str] = []
        try:
            self.backend.close()
        finally:
            try:
                for projection in self.projections:
                    problems += projection.finish()
            finally:
                self._close_ledger()
        return problems

    def _close_ledger(self) -> None:
        """A ledger that was told nothing, since the plan was wrong, leaves nothing behind."""
        self.ledger.close()
        if not self.ledger.state.events:
            for name in (LEDGER, f"{LEDGER}.head"):
                (self.ledger.folder / name).unlink()
            with contextlib.suppress(OSError):  # it holds other things
                self.ledger.folder.rmdir()

    def _record(self, plan: Plan) -> None:
        """Tells the ledger of this command and its new runs."""
        state = self.ledger.state
        if not state.sweep_id:
            self.ledger.append(
                "sweep",
                sweep_id=uuid4().hex,
                exp_id=self.sweep.folder.name,
                command=self.sweep.command,
                config=dict(self.sweep.config),
                program=self.sweep.program,
            )
        for run in plan.new:
            self.ledger.append(
                "planned",
                run_id=run.run_id,
                position=run.position,
                key=run.key,
                repeat=run.repeat,
                seed=run.seed,
                overrides=run.overrides,
                axes=run.axes,
                kind=run.kind,
                resource=run.resource,
                base_seed=run.base_seed,
                families=run.families,
            )
        process = ProcessId.of(os.getpid())
        assert process is not None
        limit = max_ram_gb(self.sweep.settings, self.sweep.scheduler)
        self.ledger.append(
            "supervised",
            durable=True,
            host=process.host,
            pid=process.pid,
            process_started=process.started,
            parallel=parallel(self.sweep.settings),
            max_ram_gb=None if limit == float("inf") else round(limit, 3),
            backend=self.sweep.settings.backend,
            fingerprint=self.fingerprint,
            source=dict(self.sweep.source),
            total=len(plan.runs),
        )
        end_leftovers(state.runs.values(), self.ledger.folder)
        lease.end_leftovers(self.ledger.folder)

    def _job(self, run: RunState, folder: Path, gb: float, limit: float | None) -> Job:
        """The config of the run, packed with all that its process needs to know."""
        composed = seeded(self.configs.of(run.overrides), run)
        self.configs.forget(run.overrides)
        with open_dict(composed):
            composed.hydra.job.id = run.run_id
            composed.hydra.job.num = run.position
            for group in ("superior", "scheduler"):
                if group in composed:
                    composed[group] = self.sweep.config[group]
        self.sweep.application.place(composed, folder)
        environment = {}
        if self.sweep.settings.cache:
            cache = self.ledger.folder.parent / ".cache"
            environment["SUPERIOR_STAGE_CACHE"] = str(cache)
        return Job(
            run_id=run.run_id,
            attempt=run.attempt,
            folder=folder,
            log=self.ledger.folder / "logs" / f"run_{run.run_id}.log",
            config=pickle.dumps(composed),
            ram_gb=gb,
            ram_limit_gb=limit,
            environment=environment,
        )

    def _smaller(self, run: RunState, folder: Path) -> Mapping[str, Any] | None:
        composed = seeded(self.configs.of(run.overrides), run)
        factor = self.sweep.scheduler.backoff_factor
        return self.sweep.application.smaller(composed, folder, factor)

    def _changed(self, supervisor: Supervisor) -> None:
        for projection in self.projections:
            projection.changed(supervisor)

    def _admission(self) -> Admission:
        return Admission(
            scheduler=self.sweep.scheduler,
            slots=parallel(self.sweep.settings),
            max_ram_gb=max_ram_gb(self.sweep.settings, self.sweep.scheduler),
            measured=Measured.of(self.ledger.state.runs.values()),
            deadline=self._deadline,
        )

    def _runs_left(self) -> int | None:
        most = self.sweep.settings.max_runs
        return None if most is None else most - self._started


def _open(sweep: Definition) -> Ledger:
    """The ledger; an earlier one is moved aside first where `resume` or the program says so."""
    ledger = _ledger(sweep.folder)
    told = ledger.state
    if not told.sweep_id or (sweep.settings.resume and told.program == sweep.program):
        return ledger
    ledger.close()
    token = f"{time.strftime('%Y-%m-%dT%H%M%S')}-{uuid4().hex[:4]}"
    if sweep.settings.resume:  # another program wrote there
        aside = sweep.folder / f"ledger.until-{token}.jsonl"
        head = f"{LEDGER}.head"
        (sweep.folder / head).rename(aside.with_name(f"{aside.name}.head"))
        (sweep.folder / LEDGER).rename(aside)
    else:
        aside = sweep.folder.with_name(f"{sweep.folder.name}.until-{token}")
        sweep.folder.rename(aside)
    log.info("the earlier sweep is kept in %s", aside)
    return _ledger(sweep.folder)


def _ledger(folder: Path) -> Ledger:
    try:
        return Ledger(folder)
    except InputError as error:
        if "another process" not in str(error):
            raise
        told = read_state(folder).supervisor
        raise InputError(
            f"process {told.get('pid', '?')} on {told.get('host', '?')} is at work on the sweep "
            f"{folder.name}\n  wait for it, or end it first (Ctrl-C there, or kill it); its runs "
            "are not lost; `kedro sweeps` shows how far it is"
        ) from error


def parallel(settings: Superior) -> int:
    """Slots for runs."""
    return settings.parallel or len(os.sched_getaffinity(0))


def max_ram_gb(settings: Superior, scheduler: Scheduler) -> float:
    """Memory for all runs together; on other machines, as much as their scheduler gives."""
    if scheduler.max_ram_gb is not None:
        return scheduler.max_ram_gb
    return MACHINE_SHARE * machine_gb() if settings.backend == "local" else float("inf")


def _deadline(settings: Superior) -> float | None:
    """When runs must have ended, on the monotonic clock."""
    if settings.deadline is None:
        return None
    now = datetime.now(UTC)
    left = (deadline_at(settings.deadline, now) - now).total_seconds()
    left -= seconds_of(settings.report_reserve)
    if left <= 0:
        raise ConfigError(
            f"superior.deadline={settings.deadline}: nothing can run before it, with "
            f"superior.report_reserve={settings.report_reserve} kept for the report"
        )
    return time.monotonic() + left


def _require_nothing_dropped(jobs: Sequence[Sequence[str]], ledger: Ledger) -> None:
    wanted = {tuple(job) for job in jobs}
    planned = {tuple(run.overrides) for run in ledger.state.runs.values()}
    dropped = sorted(planned - wanted)
    if dropped and not dropped_by_spelling(dropped, wanted):
        shown = "; ".join(" ".join(overrides) for overrides in dropped[:3])
        raise ConfigError(
            f"exp_id={ledger.folder.name} holds another experiment: {len(dropped)} of its "
            f"combinations are not in this command ({shown})\n  give this one its own place, "
            "superior.exp_id=NAME; or superior.resume=false, which moves the earlier one aside"
        )


def dropped_by_spelling(dropped: Sequence[tuple[str, ...]], wanted: set[tuple[str, ...]]) -> bool:
    """Whether each dropped combination is there in another order."""
    return {tuple(sorted(job)) for job in dropped} <= {tuple(sorted(job)) for job in wanted}


def failures(ledger: Ledger, run_ids: Sequence[str]) -> SweepError | None:
    """An error that counts the runs that failed, or None."""
    runs = [ledger.state.runs[run_id] for run_id in run_ids]
    bad = [run for run in runs if run.status in ("failed", "oom", "timeout", "killed")]
    if not bad:
        return None
    kinds = ", ".join(
        f"{sum(run.status == status for run in bad)} {status}"
        for status in ("failed", "oom", "timeout", "killed")
        if any(run.status == status for run in bad)
    )
    first = bad[0]
    return SweepError(
        f"{len(bad)} of {len(runs)} runs have no result ({kinds}); the others are whole\n"
        f"  first: {' '.join(first.overrides)}: {first.error or first.status}\n"
        f"  its log: {ledger.folder / 'logs' / f'run_{first.run_id}.log'}\n"
        "  once mended, the same command with superior.retry_failed=true runs only these"
    )
