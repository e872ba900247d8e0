"""Everything a sweep's report says, gathered once, so that the page and the text say the same."""

from dataclasses import dataclass
from typing import Any

from app.sweep.finished import FinishedSweep
from app.sweep.ledger import SKIPPED, RunState, SweepState
from app.sweep.report import costs, ranking, summary
from app.sweep.report.links import Links
from app.sweep.report.ranking import BestOf, Rank
from app.sweep.scores import ranking_metric, scores_of
from app.sweep.status import FAILURES, Status, status_of
from app.sweep.words import (
    axes_text,
    backoff_text,
    one_line,
    shared_axes,
    varying_axes,
)

Row = dict[str, Any]

RETRY = " superior.retry_failed=true"


@dataclass(frozen=True)
class Findings:
    """What the templates read."""

    title: str
    subtitle: str
    status: Status
    headline: str
    advice: str  # what to do about runs that are left or failed; "" where nothing
    command: str
    tiles: list[Row]
    warnings: list[str]
    metric: str  # "" where no run has a score
    metric_note: str
    axes: dict[str, list[str]]
    shared: dict[str, str]
    ranks: list[Rank]
    best: list[BestOf]
    failures: list[Row]
    skipped: list[Row]
    flagged: list[Row]
    runs: list[Row]
    kinds: list[Row]
    times: dict[str, str]
    seeds: dict[str, str]
    provenance: dict[str, str]
    links: Links

    @property
    def sections(self) -> list[tuple[str, str]]:
        """(anchor, heading) of the sections there are."""
        sections = [
            ("best", "Best", bool(self.ranks)),
            ("plots", "Plots", bool(self.links.plots)),
            ("failures", "Failures", bool(self.failures)),
            ("skipped", "Skipped", bool(self.skipped)),
            ("quality", "Quality flags", bool(self.flagged)),
            ("runs", "All runs", True),
            ("cost", "Time and memory", bool(self.kinds)),
            ("axes", "Axes and seeds", True),
            ("provenance", "Provenance", True),
        ]
        return [(anchor, heading) for anchor, heading, there in sections if there]


def gather_findings(sweep: FinishedSweep) -> Findings:
    """Reads the state, and looks which files there are to link to."""
    state, links = sweep.state, Links.of(sweep)
    status, metric = status_of(state), ranking_metric(state) or ""
    runs = list(state.runs.values())
    ranks, axes = ranking.ranks(state, metric) if metric else [], varying_axes(runs)
    rows = [_row(run, links, list(axes), metric) for run in runs]
    return Findings(
        title=state.exp_id,
        subtitle=summary.subtitle(state),
        status=status,
        headline=summary.headline(status),
        advice=summary.advice(status),
        command=_command(state, status),
        tiles=summary.tiles(status, state, ranks, metric),
        warnings=[*summary.warnings(state, status), *ranking.warnings(ranks), *sweep.problems],
        metric=metric,
        metric_note=summary.metric_note(metric, ranks),
        axes=axes,
        shared=shared_axes(runs) | _shared_config(state, list(axes)),
        ranks=ranks,
        best=ranking.best_of_each(ranks) if ranks else [],
        failures=[row for row in rows if row["run"].status in FAILURES],
        skipped=[row for row in rows if row["run"].status in SKIPPED],
        flagged=[row for row in rows if row["run"].quality_flags],
        runs=rows,
        kinds=costs.kinds(runs),
        times=costs.times(state),
        seeds=costs.seeds(state),
        provenance=_provenance(state),
        links=links,
    )


def _command(state: SweepState, status: Status) -> str:
    """What goes on with the sweep, or runs again what failed."""
    again = status.name == "finished" and RETRY not in state.command
    return state.command + (RETRY if again else "")


def _row(run: RunState, links: Links, axes: list[str], metric: str) -> Row:
    scores = [(model, told[metric]) for model, told in scores_of(run).items() if metric in told]
    return {
        "run": run,
        "axes": [run.axes.get(axis, "") for axis in axes],
        "text": axes_text(run.axes, axes) or "(one configuration)",
        "scores": scores,
        "changed": backoff_text(run),
        "error": one_line(run.error),
        "flags": _flags(run),
        "links": links.runs[run.run_id],
    }


def _flags(run: RunState) -> str:
    """`tfidf_nb: low_accuracy, low_macro_f1; tfidf_logreg: low_macro_f1`"""
    found: dict[str, list[str]] = {}
    for flag in run.quality_flags:
        model, _, name = flag.rpartition(":")
        found.setdefault(model, []).append(name.strip())
    return "; ".join(
        (f"{model}: " if model else "") + ", ".join(names) for model, names in found.items()
    )


def _shared_config(state: SweepState, axes: list[str]) -> dict[str, str]:
    """What the config says of dataset, view and split, for groups no override has chosen."""
    chosen = [*axes, *shared_axes(state.runs.values())]
    shown = {}
    for name in ranking.FIRST:
        group = state.config.get(name)
        if name in chosen or not isinstance(group, dict):
            continue
        told = [
            f"{key}={value}"
            for key, value in group.items()
            if value is not None and not isinstance(value, dict) and f"{name}.{key}" not in chosen
        ]
        if told:
            shown[name] = " ".join(told)
    return shown


def _provenance(state: SweepState) -> dict[str, str]:
    told = state.supervisor
    shown = {"sweep": state.sweep_id, "command": state.command}
    for key in ("backend", "host", "parallel", "max_ram_gb"):
        if told.get(key) is not None:
            shown[key] = str(told[key])
    return shown | {"events in the ledger": str(state.events)}
