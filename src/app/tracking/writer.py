"""The writer process: reads what a run tells on stdin, and is the only one to talk to MLflow.

    python -m app.tracking.writer PID_OF_THE_RUN

It ends when the run says `end`, and as soon as it has written the rest when the run is no more:
then the MLflow run is KILLED. On stdout it leaves one line of JSON, a `recording.Outcome`.
"""

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.durable.process import ProcessId
from app.tracking.checkpoint import log_checkpoint
from app.tracking.flat import mlflow_name
from app.tracking.model import Logged, award_alias, log_model, register
from app.tracking.source import source_tags
from app.tracking.stale import mend_stale_runs, process_tags
from app.tracking.store import Store, connect, experiment_id, slim_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

VANISHED = "killed: the process vanished"
LOOK_S = 1.0  # between looks at whether the run's process is still there
POINTS = 1000  # metrics in one request; MLflow's limit
BATCH = 100  # params in one request; MLflow's limit


@dataclass
class RunWriter:
    """One MLflow run. Each method is a message; those after `start` need it to have worked."""

    client: "MlflowClient"
    store: Store
    run: "Run"
    alias: str
    scores: dict[str, dict[str, float]] = field(default_factory=dict)  # by model
    logged: dict[str, Logged] = field(default_factory=dict)  # by model
    published: dict[str, str] = field(default_factory=dict)  # registered name -> what to say

    @classmethod
    def start(
        cls,
        store: Mapping[str, Any],
        experiment: str,
        run_name: str,
        alias: str,
        pid: int,
        project: str,
        started_ms: int,
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> "RunWriter":
        """Makes the run, and marks runs of this host as killed whose processes are no more."""
        where = Store(**store)
        client = connect(where)
        run = client.create_run(
            experiment_id(client, where, experiment),
            start_time=started_ms,
            run_name=run_name,
            tags={**tags, **source_tags(Path(project)), **process_tags(ProcessId.of(pid))},
        )
        log_params(client, run.info.run_id, params)
        mend_stale_runs(client, run.info.run_id)
        return cls(client, where, run, alias)

    def data(self, identity: Mapping[str, Any]) -> None:
        """What the run reads: its hash as a tag, all of it as `data_identity.json`."""
        self._tag("superior.data", str(identity["hash"]))
        self.client.log_dict(self.run.info.run_id, dict(identity), "data_identity.json")

    def metrics(self, model: str, family: str, values: Mapping[str, float]) -> None:
        """The scores of one model, as metrics `<model>.<name>` of the run. (Its family is for the
        sweep that reads a record.)"""
        self.scores[model] = dict(values)
        self._log_scores(model, None)

    def artifact(self, path: str, folder: str | None, tag: str | None) -> None:
        """A file or folder that was saved, copied under `folder` of the run's artifacts."""
        if Path(path).is_dir():
            self.client.log_artifacts(self.run.info.run_id, path, folder)
        else:
            self.client.log_artifact(self.run.info.run_id, path, folder)
        if tag is not None:
            self._tag(f"superior.{tag}", path)
            self.link(tag, "/".join(filter(None, [folder, Path(path).name])))

    def model(self, name: str, folder: str, loader: str, registered_name: str) -> None:
        """A model folder, logged as a pyfunc model; it is registered at the end."""
        self.logged[name] = log_model(
            self.client, self.run, name, Path(folder), loader, registered_name
        )

    def history(self, prefix: str, rows: Sequence[Mapping[str, float]]) -> None:
        """Curves: each row has its `step`, its other values are metrics at that step, named
        `<prefix>.<name>`."""
        from mlflow.entities import Metric

        at = self.run.info.start_time
        points = [
            Metric(mlflow_name(f"{prefix}.{name}"), float(value), at, int(row["step"]))
            for row in rows
            for name, value in row.items()
            if name != "step"
        ]
        for start in range(0, len(points), POINTS):
            self.client.log_batch(self.run.info.run_id, points[start : start + POINTS])

    def checkpoint(self, folder: str, registered_name: str, about: Mapping[str, Any]) -> None:
        """A run's last checkpoint, as a version that another run can go on from."""
        version = log_checkpoint(
            self.client, self.store, self.run, Path(folder), registered_name, about
        )
        self.published[registered_name] = (
            f"version {version.version} is a checkpoint "
            f"(checkpoint.resume_from=models:/{registered_name}@latest)"
        )

    def end(self, status: str, reason: str | None, ended_ms: int | None) -> dict[str, str]:
        """Registers the models of a run that succeeded, and closes it; tells of the aliases."""
        try:
            self.score_models()
            aliases = self.register_models() if status == "FINISHED" else {}
            return {**aliases, **self.published}
        finally:
            if reason is not None:
                self._tag("superior.end", reason)
            self._tag("superior.status", status)
            self.client.set_terminated(self.run.info.run_id, status, end_time=ended_ms)

    def page(self) -> str:
        """The run's page, below the address of an MLflow server."""
        return f"#/experiments/{self.run.info.experiment_id}/runs/{self.run.info.run_id}"

    def score_models(self) -> None:
        """The scores on the pages of the models that were logged."""
        for name in self.logged:
            self._log_scores(name, self.logged[name].mlflow_id)

    def register_models(self) -> dict[str, str]:
        """A version of each model that was logged; tells of the aliases."""
        versions = [
            register(self.client, self.store, self.run, logged, self.scores.get(name, {}))
            for name, logged in self.logged.items()
        ]
        return award_alias(self.client, self.store, self.alias, versions)

    def score_metrics(self, model: str, mlflow_id: str | None = None) -> "list[Metric]":
        """The scores of one model as MLflow's entities."""
        from mlflow.entities import Metric

        at = self.run.info.start_time
        return [
            Metric(mlflow_name(f"{model}.{key}"), value, at, 0, model_id=mlflow_id)
            for key, value in self.scores.get(model, {}).items()
        ]

    def _log_scores(self, model: str, mlflow_id: str | None) -> None:
        self.client.log_batch(self.run.info.run_id, self.score_metrics(model, mlflow_id))

    def _tag(self, name: str, value: str) -> None:
        self.client.set_tag(self.run.info.run_id, name, value)

    def link(self, name: str, artifact: str) -> None:
        """The run's page opens with a link to this artifact."""
        self._tag("mlflow.note.content", f"[{name}]({self.page()}/artifacts/{artifact})")


def log_params(client: "MlflowClient", run_id: str, params: Mapping[str, str]) -> None:
    """All of them, in as few requests as MLflow allows."""
    from mlflow.entities import Param

    entries = [Param(key, value) for key, value in params.items()]
    for at in range(0, len(entries), BATCH):
        client.log_batch(run_id, params=entries[at : at + BATCH])


def main() -> None:
    """Records one run from stdin, and prints the outcome."""
    messages = _messages(run_pid=int(sys.argv[1]))
    slim_mlflow()
    outcome = record(messages)
    with contextlib.suppress(BrokenPipeError):  # the run is no more, nobody reads it
        sys.stdout.write(json.dumps(outcome))
        sys.stdout.flush()
    os._exit(0)  # all is written; taking 1,500 modules down would cost a tenth of a second


def record(messages: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Does what the messages say; a message that fails is an error told, and the rest goes on."""
    writer: RunWriter | None = None
    aliases: dict[str, str] = {}
    errors: list[str] = []
    for message in _ended(messages):
        do = message.pop("do")
        try:
            if do == "start":
                writer = RunWriter.start(**message)
            elif do == "end" and writer is not None:
                aliases = writer.end(**message)
            elif writer is not None:
                getattr(writer, do)(**message)
        except Exception as error:
            errors.append(f"{do}: {first_line(error)}")
    if writer is None:
        return {"run_id": None, "page": "", "aliases": aliases, "errors": errors}
    run_id, page = writer.run.info.run_id, writer.page()
    return {"run_id": run_id, "page": page, "aliases": aliases, "errors": errors}


def _ended(messages: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The messages, with the `end` that a run that vanished did not say."""
    for message in messages:
        yield message.copy()
        if message["do"] == "end":
            return
    yield {"do": "end", "status": "KILLED", "reason": VANISHED, "ended_ms": None}


def _messages(run_pid: int) -> Iterator[dict[str, Any]]:
    """What the run tells, until it ends, closes its side, or is no more.

    A thread takes lines out of the pipe at once, so that the run never waits for MLflow. The
    run's process is looked at too: children it forked can hold the pipe open after its death.
    """
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(lines,), daemon=True).start()
    return _until_gone(lines, run_pid)


def _until_gone(lines: "queue.SimpleQueue[bytes | None]", run_pid: int) -> Iterator[dict[str, Any]]:
    while True:
        try:
            line = lines.get(timeout=LOOK_S)
        except queue.Empty:
            if os.getppid() != run_pid:
                return
            continue
        if line is None:
            return
        with contextlib.suppress(ValueError):  # a line cut by the run's death
            yield json.loads(line)


def _read_lines(lines: "queue.SimpleQueue[bytes | None]") -> None:
    rest = b""
    while chunk := os.read(sys.stdin.fileno(), 1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            lines.put(line)
    lines.put(None)


def first_line(error: BaseException) -> str:
    return (
        f"{type(error).__name__}: {str(error).strip().splitlines()[0][:500] if str(error) else ''}"
    )


if __name__ == "__main__":
    main()
