"""One command on a sweep: opens its ledger, plans, supervises, and writes what people read."""

import contextlib
import logging
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from omegaconf import open_dict

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.durable.process import ProcessId
from app.errors import ConfigError
from app.sweep.admission import Admission, Measured
from app.sweep.application import Application
from app.sweep.backends import Backend, lease
from app.sweep.budget import max_ram_gb, parallel, runs_until
from app.sweep.experiment import require_nothing_dropped
from app.sweep.job import Job
from app.sweep.ledger import LEDGER, PLANNED, RunState
from app.sweep.leftovers import end_leftovers
from app.sweep.opening import open_ledger
from app.sweep.plan import (
    SWEEP_GROUPS,
    Compose,
    Configs,
    Plan,
    axes_of,
    make_plan,
    seeded,
    without_own,
)
from app.sweep.supervisor import Supervisor

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
    fingerprint: str | None  # changes when the same overrides may compose another config
    program: str | None  # changes with a program whose code is a part of what a sweep is
    is_whole_grid: bool  # the jobs of one launch are all of them


class SweepSession:
    """The ledger and the backend of one command; `launch` may be called several times."""

    def __init__(
        self, sweep: Definition, backend: Backend, projections: Sequence[Projection]
    ) -> None:
        """Raises InputError when another supervisor is at work on this sweep."""
        self.sweep, self.backend, self.projections = sweep, backend, projections
        self._deadline = runs_until(sweep.settings)
        self.ledger = open_ledger(sweep.folder, sweep.settings.resume, sweep.program)
        self.configs = Configs(sweep.compose, sweep.application)
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
            supervisor.run([self.ledger.state.runs[run.run_id] for run in plan.runs])
        finally:
            self._started += supervisor.started
        return plan

    def plan(self, jobs: Sequence[Sequence[str]], first: int) -> Plan:
        """The plan of these jobs, not yet recorded."""
        own = [self.sweep.application.named(job) for job in without_own(jobs)]
        if self.sweep.is_whole_grid:
            require_nothing_dropped(own, self.ledger.state)
        state = self.ledger.state
        unchanged = (
            self.sweep.fingerprint is not None
            and state.supervisor.get("fingerprint") == self.sweep.fingerprint
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
            self.ledger.append("planned", **{name: getattr(run, name) for name in PLANNED})
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
            fingerprint=self.sweep.fingerprint,
            source=dict(self.sweep.source),
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
            for group in SWEEP_GROUPS:
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
