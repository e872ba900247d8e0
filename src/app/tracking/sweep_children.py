"""The child runs that MLflow has of a sweep, made equal to what the ledger tells."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app.tracking.store import Store
from app.tracking.sweep_child import COMPLETE, EVENT, PARENT, PART, RUN, SWEEP, ChildWriter
from app.tracking.sweep_ledger import SweepLedger
from app.tracking.writer import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

IN_A_ROW = 3  # children that fail before the store is given up for now


@dataclass
class Tally:
    """What was done to make MLflow equal to the ledger."""

    added: int = 0
    replaced: int = 0
    removed: int = 0
    right: int = 0
    parent: bool = False  # whether it was written
    missing: list[str] = field(default_factory=list)  # files that runs had told of
    errors: dict[str, str] = field(default_factory=dict)  # run_id -> what went wrong


@dataclass(frozen=True)
class Child:
    """A child run that MLflow has."""

    mlflow_id: str
    complete: str | None  # digest of the event it shows all of


class Children:
    """Those of one sweep. They are looked up once, and then known from what was done."""

    def __init__(
        self,
        client: "MlflowClient",
        store: Store,
        ledger: SweepLedger,
        experiment: Callable[[str], str],
        own_experiment: str,
    ) -> None:
        """`experiment`: name -> id. `own_experiment` is for runs that left no record."""
        self.client, self.ledger = client, ledger
        self.tally = Tally()
        self.aliases: dict[str, str] = {}  # registered model -> what became of its alias
        self._writer = ChildWriter(client, store, ledger, experiment, own_experiment)
        self._known: dict[str, list[Child]] = {}  # run_id -> found or made
        self._parts: dict[str, list[str]] = {}  # id of a child -> ids of its parts

    def ids(self) -> dict[str, str]:
        """run_id -> id of its run in MLflow."""
        return {run_id: known[0].mlflow_id for run_id, known in self._known.items() if known}

    def take_in(self, found: "list[Run]", parent: str) -> None:
        """Children as the store has them, below `parent` where theirs was deleted; parts of
        children that it has not are removed."""
        whole = [run for run in found if PART not in run.data.tags]
        for run in whole:
            tags, mlflow_id = run.data.tags, run.info.run_id
            if tags.get(PARENT) != parent:
                self.client.set_tag(mlflow_id, PARENT, parent)
            complete = tags.get(COMPLETE) if tags.get(COMPLETE) == tags[EVENT] else None
            self._known.setdefault(tags[RUN], []).append(Child(mlflow_id, complete))
        ids = {run.info.run_id for run in whole}
        for run in found:
            if PART not in run.data.tags:
                continue
            if (above := run.data.tags[PARENT]) in ids:
                self._parts.setdefault(above, []).append(run.info.run_id)
            else:
                remove_runs(self.client, [run.info.run_id])

    def make_equal(
        self, folder: Path, parent: str, source: dict[str, str], run_ids: Iterable[str] | None
    ) -> None:
        """Adds, replaces and removes children of these runs; of all that either side knows where
        there are none named. `source` are the tags of runs whose command told none.

        What fails is told by `tally.errors`, and done with the next call.
        """
        known = [*self.ledger.runs, *self._known] if run_ids is None else run_ids
        failed_in_a_row = 0
        for run_id in dict.fromkeys(known):
            if failed_in_a_row == IN_A_ROW:
                self.tally.errors.setdefault(run_id, "the store fails; it was not tried")
                continue
            try:
                if run_id in self.tally.errors:  # what was left is not known
                    self._known.pop(run_id, None)
                    sweep_id = self.ledger.sweep["sweep_id"]
                    self.take_in(runs_of_sweep(self.client, sweep_id, run_id), parent)
                self._make_equal(run_id, folder, parent, source)
            except Exception as error:
                failed_in_a_row += 1
                self.tally.errors[run_id] = first_line(error)
            else:
                failed_in_a_row = 0
                self.tally.errors.pop(run_id, None)

    def _make_equal(self, run_id: str, folder: Path, parent: str, source: dict[str, str]) -> None:
        run = self.ledger.runs.get(run_id)
        wanted = run.digest if run else None
        had = self._known.pop(run_id, [])
        kept = [child for child in had if wanted is not None and child.complete == wanted][:1]
        for child in had:
            if child not in kept:
                remove_runs(self.client, [*self._parts.pop(child.mlflow_id, []), child.mlflow_id])
        if run is not None and wanted is not None and not kept:
            made = self._writer.write(run_id, folder, parent, run.source or source)
            kept = [Child(made.mlflow_id, wanted)]
            self.aliases |= made.aliases
            self.tally.missing += made.missing
            self.tally.replaced += bool(had)
            self.tally.added += not had
        else:
            self.tally.right += bool(kept)
            self.tally.removed += bool(had) and not kept
        if kept:
            self._known[run_id] = kept


def runs_of_sweep(client: "MlflowClient", sweep_id: str, run_id: str | None = None) -> "list[Run]":
    """Its parent, children and their parts; or those of one run of the sweep."""
    found: list[Run] = []
    experiments = [item.experiment_id for item in client.search_experiments()]
    wanted = f"tags.`{SWEEP}` = '{sweep_id}'"
    if run_id is not None:
        wanted += f" and tags.`{RUN}` = '{run_id}'"
    token = None
    while True:
        page = client.search_runs(experiments, wanted, max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def remove_runs(client: "MlflowClient", mlflow_ids: Iterable[str]) -> None:
    """Deletes runs, after the versions and models that they made."""
    for mlflow_id in mlflow_ids:
        for version in client.search_model_versions(f"run_id = '{mlflow_id}'"):
            client.delete_model_version(version.name, version.version)
        experiments = [client.get_run(mlflow_id).info.experiment_id]
        made = client.search_logged_models(experiments, f"source_run_id = '{mlflow_id}'")
        for model in made:
            client.delete_logged_model(model.model_id)
        client.delete_run(mlflow_id)
