"""What follows the ledger of a sweep: the terminal, tables and report, MLflow."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import app
from app.config.tracking import Tracking
from app.sweep.analysis.hooks import check_hooks
from app.sweep.live import LiveView
from app.sweep.projections import is_current, project, write_tables
from app.sweep.session import Definition, Projection
from app.sweep.supervisor import Supervisor

if TYPE_CHECKING:
    from app.tracking.sweep_recording import SweepWriter

PROJECT = Path(app.__file__).resolve().parents[2]
TABLES_EVERY_S = 2.0
PAGES_S = 30.0  # the report waits so long for links to MLflow, and goes without


class Shown:
    """A sweep's terminal view, tables, report and MLflow runs."""

    def __init__(self, sweep: Definition) -> None:
        """Raises ConfigError for a hook that does not exist or does not take its arguments."""
        self.sweep = sweep
        check_hooks(sweep.settings.analysis)
        self._view: LiveView | None = None
        self._writer = _writer(sweep)
        self._state: Any = None
        self._events, self._written_at = 0, 0.0

    def changed(self, supervisor: Supervisor) -> None:
        state = supervisor.ledger.state
        if self._view is None:
            self._view = LiveView(state)
        self._state = state
        admission = supervisor.admission
        used = {run_id: watched.ram_gb for run_id, watched in supervisor.running.items()}
        self._view.update(state, used, admission.used_gb(), admission.max_ram_gb)
        if state.events == self._events:
            return
        if self._writer is not None and supervisor.started:
            self._writer.poke()
        if time.monotonic() - self._written_at > TABLES_EVERY_S and supervisor.started:
            self._written_at, self._events = time.monotonic(), state.events
            write_tables(self.sweep.folder, state)

    def finish(self) -> list[str]:
        """Completes all of it; sentences about what went wrong."""
        if self._state is None:  # nothing was supervised
            return []
        if self._view is not None:
            self._view.close()
        folder, analysis = self.sweep.folder, self.sweep.settings.analysis
        problems: list[str] = []
        if not is_current(folder, self._state, analysis):
            if self._writer is not None:
                self._writer.pages(PAGES_S)  # into mlflow.json, where the report reads them
            problems = project(folder, self._state, analysis)
        if self._writer is not None:
            problems += self._writer.finish().errors
        return problems


def tracking_of(config: Mapping[str, Any]) -> Tracking | None:
    """How the sweep is recorded in MLflow; None where the config does not want it."""
    if "tracking" not in config:
        return None
    tracking = Tracking.model_validate(config["tracking"])
    return tracking if tracking.enabled else None


def _writer(sweep: Definition) -> "SweepWriter | None":
    tracking = tracking_of(sweep.config)
    if tracking is None:
        return None
    from app.tracking.sweep_recording import SweepWriter

    return SweepWriter(sweep.folder, tracking, PROJECT)


def projections_of(sweep: Definition) -> list[Projection]:
    return [Shown(sweep)]
