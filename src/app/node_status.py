"""`status.json` of a run that keeps no durable one: how many of its nodes are done, for
`kedro status` and `kedro watch`. It is there while the run is: a killed one leaves it behind, and
the next run of the same files takes it over. Runs of a sweep have none: the sweep tells of them."""

import atexit
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from app.config.ideo.view import View
from app.durable.process import ProcessId
from app.durable.status import STATUS, Status, now, write_status
from app.tracking.record import RECORD


class NodeStatus:
    """Writes the status as each node begins."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._name = self._node = ""
        self._study, self._run_id = "", ""
        self._done = self._total = 0
        self._started: datetime = now()

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        told = catalog.load("parameters")
        self._path = None
        if os.environ.get(RECORD) or "dataset_key" not in told:
            return
        view = View.model_validate(told["view"]).name
        folder = Path(told["output_root"]) / "running" / f"{told['dataset_key']}-{view}"
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._name = folder / STATUS, f"{told['dataset_key']} {view}"
        self._study, self._run_id = told["study"], str(run_params["run_id"])
        self._done, self._total, self._node = 0, len(pipeline.nodes), ""
        self._started = now()
        atexit.register(self._remove)  # an interrupt reaches no hook
        self._write()

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        self._node = node.short_name
        self._write()

    @hook_impl
    def after_node_run(self) -> None:
        self._done += 1

    @hook_impl
    def after_pipeline_run(self) -> None:
        self._remove()

    @hook_impl
    def on_pipeline_error(self) -> None:
        self._remove()

    def _remove(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            with suppress(OSError):  # another run writes there
                self._path.parent.rmdir()
            self._path = None

    def _write(self) -> None:
        if self._path is None:
            return
        process = ProcessId.of(os.getpid())
        assert process is not None
        percent = 100.0 * self._done / max(self._total, 1)
        spent = (now() - self._started).total_seconds()
        write_status(
            self._path,
            Status(
                run=self._name,
                run_id=self._run_id,
                study=self._study,
                pid=process.pid,
                process_started=process.started,
                host=process.host,
                state="running",
                phase=self._node,
                percent=percent,
                phase_percent=0.0,
                cursor={"node": self._done, "nodes": self._total},
                eta_s=None,
                speed=None,
                unit="",
                rss_mb=round(psutil.Process().memory_info().rss / 1e6, 1),
                spent_s=round(spent, 3),
                budget_s=None,
                budget_left_s=None,
                started=self._started,
                updated=now(),
                ended=None,
            ),
        )
