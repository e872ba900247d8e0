"""One run of a sweep as a child run in MLflow: the ledger's facts, and its record replayed."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.durable.process import ProcessId
from app.durable.sealed import Event
from app.tracking.flat import mlflow_name
from app.tracking.record import PATHS, Section, is_unchanged, read_record
from app.tracking.stale import process_tags
from app.tracking.store import Store
from app.tracking.sweep_ledger import LedgerRun, SweepLedger
from app.tracking.writer import BATCH, RunWriter

if TYPE_CHECKING:
    from mlflow import MlflowClient

SWEEP, RUN, PART = "superior.sweep", "superior.run", "superior.part"
EVENT, COMPLETE, MISSING = "superior.event", "superior.complete", "superior.missing"
PARENT = "mlflow.parentRunId"
RECORD_FILE = "record.jsonl"
MLFLOW_STATUS = {"ok": "FINISHED", "failed": "FAILED"}  # else KILLED
OF_SWEEP = ("superior.", "scheduler.", "tracking.")  # params that the parent has
COSTS = ("seconds", "cpu_s", "peak_gb")
METRICS = 500  # in one request; MLflow takes 1,000 of all kinds together
SHOWN = 5000  # characters of a tag


@dataclass
class Made:
    """A child that was written."""

    mlflow_id: str
    aliases: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # what the record told of, and is not there


@dataclass(frozen=True)
class Opened:
    """A run in MLflow that is being written; its params go with the rest."""

    writer: RunWriter
    params: dict[str, str]


class ChildWriter:
    """Writes children of one sweep."""

    def __init__(
        self,
        client: "MlflowClient",
        store: Store,
        ledger: SweepLedger,
        experiment: Callable[[str], str],
        own_experiment: str,
    ) -> None:
        """`experiment`: name -> id. `own_experiment` is for runs that left no record."""
        self.client, self.store, self.ledger = client, store, ledger
        self._experiment, self._own_experiment = experiment, own_experiment
        self._process = process_tags(ProcessId.of(os.getpid()))  # a child left RUNNING is stale

    def write(self, run_id: str, folder: Path, parent: str, source: Mapping[str, str]) -> Made:
        """The child of a run that ended. Several Kedro runs in one record
        (`dataset.merge_mode=separate`) become runs below it."""
        run = self.ledger.runs[run_id]
        ended = run.ended
        assert ended is not None
        sections, missing = _sections(run_id, run, ended, folder)
        tags = {**source, **self._tags(run_id, run, ended), PARENT: parent}
        one = sections[0] if len(sections) == 1 else None
        varying = {axis for axis, values in self.ledger.axes().items() if len(values) > 1}
        opened = self._open(run, one, tags, _name(run_id, run, varying))
        made = Made(opened.writer.run.info.run_id, missing=missing)
        if one is not None:
            self._replay(run_id, one, opened.writer, made)
        elif not sections:
            opened.writer.scores = dict(ended["metrics"])
        for number, section in enumerate(sections if one is None else [], 1):
            below = {**tags, PARENT: made.mlflow_id, PART: str(number)}
            part = self._open(run, section, below, section.start["run_name"])
            self._replay(run_id, section, part.writer, made)
            self._close(part, ended, made, (), {})
        last = {MISSING: "\n".join(made.missing)[:SHOWN]} if made.missing else {}
        self._close(opened, ended, made, COSTS, {**last, COMPLETE: tags[EVENT]})
        return made

    def _open(
        self, run: LedgerRun, section: Section | None, tags: Mapping[str, str], name: str
    ) -> Opened:
        start = section.start if section else {}
        params = {mlflow_name(axis): value for axis, value in run.planned["axes"].items()}
        told: dict[str, str] = start.get("params", {})
        params |= {name: value for name, value in told.items() if not name.startswith(OF_SWEEP)}
        if not start and run.planned["seed"] is not None:
            params["seed"] = str(run.planned["seed"])
        created = self.client.create_run(
            self._experiment(start.get("experiment", self._own_experiment)),
            start_time=run.started["ts_ns"] // 1_000_000,
            run_name=name,
            tags={**start.get("tags", {}), **tags},
        )
        return Opened(RunWriter(self.client, self.store, created, start.get("alias", "")), params)

    def _replay(self, run_id: str, section: Section, writer: RunWriter, made: Made) -> None:
        writer.scores = section.scores()
        for message in section.messages:
            told: dict[str, Any] = dict(message)
            do = told.pop("do")
            if do == "metrics":
                continue
            if do in PATHS and not Path(told[PATHS[do]]).exists():
                made.missing.append(f"{run_id}: {told[PATHS[do]]} is gone")
                continue
            getattr(writer, do)(**told)
        writer.score_models()

    def _close(
        self,
        opened: Opened,
        ended: Event,
        made: Made,
        costs: tuple[str, ...],
        last: Mapping[str, str],
    ) -> None:
        """Registers the models of a run that went well, and closes it. The tags `last` are
        written last: a request writes its tags after its params and metrics."""
        from mlflow.entities import Metric, Param, RunTag

        writer = opened.writer
        mlflow_id, at = writer.run.info.run_id, writer.run.info.start_time
        if ended["status"] == "ok" and writer.logged:
            made.aliases |= writer.register_models()
        status = MLFLOW_STATUS.get(ended["status"], "KILLED")
        self.client.set_terminated(mlflow_id, status, end_time=ended["ts_ns"] // 1_000_000)
        params = [Param(name, value) for name, value in opened.params.items()]
        metrics: list[Metric] = [Metric(name, ended[name], at, 0) for name in costs]
        metrics += [one for model in writer.scores for one in writer.score_metrics(model)]
        if len(writer.scores) == 1:  # in one column for all models of the sweep
            (scores,) = writer.scores.values()
            told = scores.items()
            metrics += [Metric(mlflow_name(name), value, at, 0) for name, value in told]
        while len(params) > BATCH or len(metrics) > METRICS:
            self.client.log_batch(mlflow_id, metrics[:METRICS], params[:BATCH])
            params, metrics = params[BATCH:], metrics[METRICS:]
        tags = [RunTag(name, value) for name, value in last.items()]
        self.client.log_batch(mlflow_id, metrics, params, tags)

    def _tags(self, run_id: str, run: LedgerRun, ended: Event) -> dict[str, str]:
        flags: list[str] = ended["quality_flags"]
        tags = {
            SWEEP: self.ledger.sweep["sweep_id"],
            "superior.exp_id": self.ledger.sweep["exp_id"],
            RUN: run_id,
            EVENT: str(run.digest),
            "superior.key": run.planned["key"],
            "superior.repeat": str(run.planned["repeat"]),
            "superior.attempt": str(ended["attempt"]),
            "superior.status": ended["status"],
            "superior.quality_ok": str(not flags).lower(),
            "superior.quality_flags": ", ".join(flags)[:SHOWN],
            **self._process,
        }
        if ended["error"]:
            tags["superior.end"] = ended["error"][:SHOWN]
        if run.changes:
            tags["superior.backoff"] = str(run.changes[-1])[:SHOWN]
        return tags


def _sections(
    run_id: str, run: LedgerRun, ended: Event, folder: Path
) -> tuple[list[Section], list[str]]:
    """What the run told, and what is wrong with that."""
    path = folder / run.started["folder"] / RECORD_FILE
    if not path.exists():
        return [], [f"{run_id}: {path} is gone"] if ended["record"] else []
    if ended["record"] and not is_unchanged(path, ended["record"]):
        return [], [f"{run_id}: {path} was changed after the run; it is left out"]
    return read_record(path), []


def _name(run_id: str, run: LedgerRun, varying: Collection[str]) -> str:
    """What tells it from the other runs of the sweep."""
    told = {axis: value for axis, value in run.planned["axes"].items() if axis in varying}
    axes = " ".join(f"{axis}={value}" for axis, value in (told or run.planned["axes"]).items())
    return f"{axes} r{run.planned['repeat']}"[:250] if axes else run_id
