"""A sweep in MLflow: a parent run, and a child for each run that ended; made from the ledger.

What MLflow has is compared with what the ledger tells, and made equal: a child shows one `ended`
event, whose digest is its tag superior.event, and is whole when superior.complete says the same,
which is written last. A child that is neither is removed, with its models, and made anew. So the
writer may be killed anywhere, and the database deleted: the next look mends it.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.tracking import Tracking
from app.durable.process import ProcessId
from app.tracking.flat import flat_params, mlflow_name
from app.tracking.recording import Outcome
from app.tracking.source import source_tags
from app.tracking.stale import mend_stale_runs, process_tags
from app.tracking.store import Store, connect, experiment_id
from app.tracking.sweep_child import COMPLETE, RUN, SHOWN, SWEEP
from app.tracking.sweep_children import Children, Tally, remove_runs, runs_of_sweep
from app.tracking.sweep_files import files_digest, sweep_files
from app.tracking.sweep_ledger import SweepLedger, digest_of
from app.tracking.writer import log_params

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STATUS, END, COUNT = "superior.status", "superior.end", "superior.runs."
SKIPPED, FILES, HEAD = "superior.skipped", "superior.files", "superior.ledger_head"
TAGS = 100  # in one request; MLflow's limit


class SweepProjection:
    """One sweep in one store. The owner of the sweep's lock alone may have one."""

    def __init__(self, folder: Path, project: Path, tracking: Tracking | None = None) -> None:
        """`tracking` is that of the sweep where it is not given."""
        self.folder = folder
        self.ledger = SweepLedger(folder)
        self.tracking = tracking or self.ledger.tracking()
        self.store = Store.resolve(self.tracking.uri, project)
        self.client: MlflowClient = connect(self.store)
        self._source = source_tags(project)
        self._experiments: dict[str, str] = {}  # name -> id
        self._children = Children(
            self.client, self.store, self.ledger, self._experiment, self.tracking.experiment
        )
        self.parent = self._find()

    @property
    def tally(self) -> Tally:
        return self._children.tally

    def at_work(self, owner: ProcessId) -> None:
        """Shows the sweep as RUNNING, as long as `owner` lives."""
        parent = self.parent.info.run_id
        self._tag({**process_tags(owner), STATUS: "running", COMPLETE: "", END: ""})
        self.client.update_run(parent, status="RUNNING")
        mend_stale_runs(self.client, parent)

    def follow(self) -> None:
        """Shows what the ledger tells since the last look."""
        self.make_equal(self.ledger.read_on())

    def make_equal(self, run_ids: Iterable[str] | None = None) -> None:
        """Makes the children of these runs, or of all, what the ledger tells."""
        self._children.make_equal(self.folder, self.parent.info.run_id, self._source, run_ids)

    def end(self) -> None:
        """Tries again what failed, and completes the parent: its status, counts and files."""
        self.make_equal(list(self.tally.errors))
        self.parent = self.client.get_run(self.parent.info.run_id)
        parent, had = self.parent.info.run_id, self.parent.data.tags
        status, why = self.ledger.outcome()
        files = sweep_files(self.folder)
        tags = {**self._outcome_tags(why), FILES: files_digest(files)}
        complete = digest_of([status, tags, self.ledger.last_ms])
        if (had.get(COMPLETE), self.parent.info.status) == (complete, status):
            return
        self.tally.parent = True
        if had.get(FILES) != tags[FILES]:
            for path, place in files:
                self.client.log_artifact(parent, str(path), place)
        for name in had:
            if name.startswith(COUNT) and name not in tags:  # of before they were run again
                self.client.delete_tag(parent, name)
        self._tag(tags)
        self.client.set_terminated(parent, status, end_time=self.ledger.last_ms)
        self._tag({COMPLETE: complete})

    def page(self) -> str:
        """The parent's page, below the address of an MLflow server."""
        return self._page(self.parent.info.run_id)

    def pages(self) -> dict[str, str]:
        """run_id -> the page of its child."""
        return {run_id: self._page(mlflow_id) for run_id, mlflow_id in self._children.ids().items()}

    def outcome(self) -> Outcome:
        errors = [f"run {run_id}: {error}" for run_id, error in self.tally.errors.items()]
        errors += [f"run {told}" for told in self.tally.missing]
        return Outcome(self.parent.info.run_id, self.page(), self._children.aliases, errors)

    def _find(self) -> "Run":
        """Takes in what the store has of this sweep; the parent, made where there is none."""
        found = runs_of_sweep(self.client, self.ledger.sweep["sweep_id"])
        parents = [run for run in found if RUN not in run.data.tags]
        parents.sort(key=lambda run: run.info.start_time)
        parent = parents[0] if parents else self._make_parent()
        params = flat_params(self.ledger.sweep["config"])
        if parent.data.params.keys() != params.keys():
            log_params(self.client, parent.info.run_id, params)
        children = [run for run in found if RUN in run.data.tags]
        self._children.take_in(children, parent.info.run_id)
        remove_runs(self.client, [run.info.run_id for run in parents[1:]])
        return parent

    def _make_parent(self) -> "Run":
        sweep = self.ledger.sweep
        return self.client.create_run(
            self._experiment(self.tracking.experiment),
            start_time=sweep["ts_ns"] // 1_000_000,
            run_name=sweep["exp_id"],
            tags={
                SWEEP: sweep["sweep_id"],
                "superior.exp_id": sweep["exp_id"],
                "superior.command": sweep["command"][:SHOWN],
                "mlflow.source.name": "superior",
                **(self.ledger.supervised.get("source") or self._source),
            },
        )

    def _outcome_tags(self, why: str) -> dict[str, str]:
        ledger = self.ledger
        skipped = [
            f"{run_id}: {run.skipped['status']}: {run.skipped['because']}"
            for run_id, run in ledger.runs.items()
            if run.skipped is not None
        ]
        tags = {
            STATUS: ledger.stopped or "killed",
            END: why,
            SKIPPED: "\n".join(skipped),
            "superior.folder": str(self.folder),
        }
        tags |= {f"{COUNT}{status}": str(n) for status, n in ledger.counts().items()}
        tags |= {
            mlflow_name(f"superior.axis.{axis}"): ", ".join(values)
            for axis, values in ledger.axes().items()
        }
        if (self.folder / "report.html").exists():
            tags["mlflow.note.content"] = f"[report]({self.page()}/artifacts/report.html)"
        with contextlib.suppress(FileNotFoundError):  # a ledger that was never sealed
            head = ledger.path.with_name(ledger.path.name + ".head")
            tags[HEAD] = head.read_text(encoding="utf-8").strip()
        return {name: value[:SHOWN] for name, value in tags.items()}

    def _tag(self, tags: Mapping[str, str]) -> None:
        """Sets tags of the parent."""
        from mlflow.entities import RunTag

        entries = [RunTag(name, value) for name, value in tags.items()]
        for at in range(0, len(entries), TAGS):
            self.client.log_batch(self.parent.info.run_id, tags=entries[at : at + TAGS])

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = experiment_id(self.client, self.store, name)
        return self._experiments[name]

    def _page(self, mlflow_id: str) -> str:
        return f"#/experiments/{self.parent.info.experiment_id}/runs/{mlflow_id}"
