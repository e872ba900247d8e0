"""What a person sees of a run in the terminal: one line a node, and where the report is."""

import logging
import time

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

FROM_CACHE = "from the cache"

log = logging.getLogger(__name__)


class NodeLines:
    """Prints `[ 3/18] screen_documents   0.2 s` as each node ends, its files read and written;
    at the end the paths of datasets whose metadata say `tag: report`."""

    def __init__(self) -> None:
        self._total = self._done = 0
        self._running: Node | None = None
        self._started = 0.0
        self._reports: list[str] = []
        self._catalog: DataCatalog

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._total, self._done, self._running = len(pipeline.nodes), 0, None
        self._catalog, self._reports = catalog, []

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        self._turn_to(node)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        self._turn_to(node)

    @hook_impl
    def after_node_restored(self, node: Node) -> None:
        """Called by the runner that has the stage cache, in place of Kedro's calls."""
        self._turn_to(None)
        self._done += 1
        log.info("%s", self._line(node.short_name, FROM_CACHE))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        dataset = self._catalog.get(dataset_name)
        if (getattr(dataset, "metadata", None) or {}).get("tag") == "report":
            self._reports.append(str(getattr(dataset, "filepath", "")))

    @hook_impl
    def after_pipeline_run(self) -> None:
        self._turn_to(None)
        for path in self._reports:
            log.info("report: %s", path)

    def _turn_to(self, node: Node | None) -> None:
        if node is self._running:
            return
        now = time.monotonic()
        if self._running is not None:
            self._done += 1
            seconds = f"{now - self._started:6.1f} s"
            log.info("%s", self._line(self._running.short_name, seconds))
        self._running, self._started = node, now

    def _line(self, name: str, told: str) -> str:
        return f"[{self._done:2d}/{self._total:2d}] {name:<28} {told}"
