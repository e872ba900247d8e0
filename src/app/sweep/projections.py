"""The projections of a sweep: everything that can be written again from its ledger at any time."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.durable.atomic import write_text
from app.sweep.ledger import SweepState
from app.sweep.tables import write_early_stop, write_metrics, write_plan, write_runs

PROJECTED = ".projected"  # what the tables and reports there were made from

Hooks = Mapping[str, Mapping[str, Any] | None]

log = logging.getLogger(__name__)


def write_tables(folder: Path, state: SweepState) -> None:
    """plan.tsv, runs.tsv and metrics_global.tsv: cheap enough to write while runs go on."""
    write_plan(folder, state.runs.values())
    write_runs(folder, state)
    write_metrics(folder, state)
    write_early_stop(folder, state)


def is_current(folder: Path, state: SweepState, analysis: Hooks) -> bool:
    """Whether `project` has written all of this already: a finished sweep asked for again."""
    marker = folder / PROJECTED
    return marker.exists() and marker.read_text(encoding="utf-8") == _digest(state, analysis)


def project(folder: Path, state: SweepState, analysis: Hooks) -> list[str]:
    """Tables, what the hooks of `superior.analysis` make, and report.html, of a sweep as it stands.

    Returns what failed, each on one line (it is in the reports and the log too); the command
    is then to end with another exit code than 0. Tables and reports are written all the same.
    """
    from app.sweep.analysis import FinishedSweep, run_hooks
    from app.sweep.report import write_html

    write_tables(folder, state)
    sweep = FinishedSweep(folder, state)
    problems = run_hooks(sweep, analysis)
    write_html(sweep)
    for problem in problems:
        log.warning("%s", problem)
    if not problems:
        write_text(folder / PROJECTED, _digest(state, analysis))
    return problems


def _digest(state: SweepState, analysis: Hooks) -> str:
    told = [
        state.stopped,
        {name: dict(hook) if hook else None for name, hook in analysis.items()},
        [[run.run_id, run.status, run.attempt, run.ended_ns] for run in state.runs.values()],
    ]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()
