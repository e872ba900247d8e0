"""What a person sees in the terminal: one line a node, and errors that fit on a screen."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from app.durable.interrupt import Interrupted, interruptible
from app.errors import SuperiorError

log = logging.getLogger(__name__)


class NodeLines:
    """Prints `[ 3/18] screen_documents   0.2 s` as each node ends, its files read and written."""

    def __init__(self) -> None:
        self._total = self._done = 0
        self._running: Node | None = None
        self._started = 0.0

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        self._total, self._done, self._running = len(pipeline.nodes), 0, None

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        self._turn_to(node)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        self._turn_to(node)

    @hook_impl
    def after_pipeline_run(self) -> None:
        self._turn_to(None)

    def _turn_to(self, node: Node | None) -> None:
        if node is self._running:
            return
        now = time.monotonic()
        if self._running is not None:
            self._done += 1
            name, seconds = self._running.short_name, now - self._started
            log.info("[%2d/%2d] %-28s %6.1f s", self._done, self._total, name, seconds)
        self._running, self._started = node, now


@contextmanager
def errors_on_one_screen() -> Iterator[None]:
    """Ends the process with the message and exit code of a `SuperiorError` raised inside, however
    deeply Kedro has wrapped it, or with 130 or 143 after a signal; failures nobody foresaw keep
    their traceback."""
    try:
        with interruptible():
            yield
    except (KeyboardInterrupt, Interrupted) as stopped:
        _end("stopped; what was finished is kept", getattr(stopped, "exit_code", 130))
    except Exception as error:
        for cause in _causes(error):
            if isinstance(cause, SuperiorError):
                _end(f"error: {cause}", cause.exit_code)
            if isinstance(cause, OSError) and cause.filename is not None:
                _end(f"error: {cause.filename}: {cause.strerror}", 1)
        raise


def _causes(error: BaseException) -> Iterator[Any]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _end(message: str, code: int) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"superior: {message}\n")
    sys.exit(code)
