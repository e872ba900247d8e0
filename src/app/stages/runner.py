"""A sequential runner that takes the results of unchanged nodes from the stage cache."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro.runner.task import Task

from app.durable.digests import remembered
from app.stages.code import has_changed
from app.stages.keys import content_key, definition, node_key
from app.stages.outputs import Form, NotKeptError, put_back, read_value, written
from app.sweep.cache import StageCache

CACHED = "cached"  # the tag of nodes that may come from the cache
SAYING = ("app.pipelines", "app.datasets")  # loggers whose lines are kept with the results

log = logging.getLogger(__name__)


class StageRunner(SequentialRunner):  # type: ignore[misc]
    """Runs a pipeline, node by node; nodes tagged `cached` only when no run has run them before.

    Attributes:
        restored: names of the nodes that came from the cache, over all runs of this runner.
    """

    def __init__(self, cache: StageCache) -> None:
        super().__init__()
        self.cache = cache
        self.restored: list[str] = []

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger("kedro.runner")  # its lines are Kedro's, and treated as such

    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        counts = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        done: list[Node] = []
        with self.cache.held() as held, remembered(self.cache.folder / "digests"):
            stages = _Stages(self.cache, held, pipeline, catalog, hook_manager, run_id)
            for node in pipeline.nodes:
                try:
                    if stages.come_by(node):
                        self.restored.append(node.name)
                except Exception:
                    self._suggest_resume_scenario(pipeline, done, catalog)
                    raise
                done.append(node)
                self._release_datasets(node, catalog, counts, pipeline)


class _Stages:
    """The nodes of one run: where each one's results come from."""

    def __init__(
        self,
        cache: StageCache,
        held: Path,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: Any,
        run_id: str | None,
    ) -> None:
        self.cache, self.held, self.catalog = cache, held, catalog
        self.hooks, self.run_id = hook_manager, run_id
        self.wanted: set[str] = pipeline.outputs()  # what the caller of the run may load
        self.keys: dict[str, str | None] = {}  # of data, by name
        self.from_files: set[str] = set()  # data of files that no run writes
        self.waiting: dict[str, tuple[Form, Path]] = {}  # values nobody has asked for yet

    def come_by(self, node: Node) -> bool:
        """Runs the node or takes its results from the cache; True for the latter."""
        key = self._key_of(node) if CACHED in node.tags else None
        if key is None:
            self._run(node)
            return False
        self.keys.update({name: f"{key} {name}" for name in node.outputs})
        if self._restored(node, key):
            return True
        with self.cache.computing(key, node.name):
            if self._restored(node, key):  # another run has computed it meanwhile
                return True
            with _listening() as said:
                self._run(node)
            self._keep(node, key, said)
        return False

    def _key_of(self, node: Node) -> str | None:
        inputs = {name: self._input_key(name) for name in node.inputs}
        known = {name: key for name, key in inputs.items() if key is not None}
        if len(known) < len(inputs):
            return None
        outputs = {name: definition(self.catalog.get(name)) for name in node.outputs}
        return node_key(node.name, known, outputs)

    def _input_key(self, name: str) -> str | None:
        if name not in self.keys:
            self.keys[name] = content_key(self.catalog.load(name))
            if not isinstance(self.catalog.get(name), MemoryDataset):
                self.from_files.add(name)
        return self.keys[name]

    def _run(self, node: Node) -> None:
        for name in node.inputs:
            self._load(name)
        Task(
            node=node,
            catalog=self.catalog,
            hook_manager=self.hooks,
            is_async=False,
            run_id=self.run_id,
        ).execute()

    def _load(self, name: str) -> None:
        """Puts a value of the cache into the catalog, now that somebody asks for it."""
        if name in self.waiting:
            self.catalog.save(name, read_value(*self.waiting.pop(name)))

    def _keep(self, node: Node, key: str, said: list[tuple[str, int, str]]) -> None:
        forms: dict[str, Form] = {}
        files: dict[str, Path] = {}
        if changed := self._changed(node):
            log.info("stage cache: %s is not kept: %s", node.name, changed)
            self.keys.update(dict.fromkeys(node.outputs))  # nor is what is made from it
            return
        try:
            for name in node.outputs:
                forms[name], parts = written(name, self.catalog.get(name), self.held / "made")
                files.update(parts)
        except (NotKeptError, OSError, pl.exceptions.PolarsError) as reason:
            log.info("stage cache: %s is not kept: %s", node.name, reason)
            return
        self.cache.store(key, files, {"forms": forms, "said": said})

    def _changed(self, node: Node) -> str | None:
        """The key says what was there before the node ran; what of it is another thing now."""
        if has_changed():
            return "the project's sources have changed since this process started"
        for name in self.from_files.intersection(node.inputs):
            if content_key(self.catalog.load(name)) != self.keys[name]:
                return f"{name} changed while it was read"
        return None

    def _restored(self, node: Node, key: str) -> bool:
        entry = self.cache.restore(key, self.held / key)
        if entry is None:
            return False
        for name, form in entry.told["forms"].items():
            if form in ("arrow", "json"):
                self.waiting[name] = form, entry.files[name]
            else:
                put_back(name, form, self.catalog.get(name), entry.files)
        for logger, level, line in entry.told["said"]:
            logging.getLogger(logger).log(level, "%s", line)
        self._tell(node)
        return True

    def _tell(self, node: Node) -> None:
        """Hooks hear of a restored node, and of those outputs the catalog's metadata tell about."""
        for name in node.outputs:
            dataset = self.catalog.get(name)
            if name in self.wanted and isinstance(dataset, MemoryDataset):
                self._load(name)
            if getattr(dataset, "metadata", None):
                self._load(name)
                data = self.catalog.load(name)
                self.hooks.hook.after_dataset_saved(dataset_name=name, data=data, node=node)
        if restored := getattr(self.hooks.hook, "after_node_restored", None):  # not one of Kedro's
            restored(node=node)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.name, record.levelno, record.getMessage()))


@contextmanager
def _listening() -> Iterator[list[tuple[str, int, str]]]:
    """What the node says is part of its result: warnings come again when it is restored."""
    handler = _Lines()
    loggers = [logging.getLogger(name) for name in SAYING]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.said
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
