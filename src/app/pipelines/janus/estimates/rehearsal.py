"""The real sampler at work for a moment, in a folder that is removed afterwards.

It runs as in a run: its loop, its files, its checkpoints, its convergence checks. Where it tells
how far it is, it is watched, and ended once that is enough.
"""

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Emcee, SamplingCheckpoint
from app.durable.run import DurableRun
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.emcee_chain import CHAIN
from app.pipelines.janus.samplers.task import SamplingTask
from app.pipelines.janus.sampling import SAMPLERS

AGAIN = 4.0
PHASE, NAME = "sample", "rehearsal"
QUIET = ("app.pipelines.janus", "app.durable")  # they tell of a run, and this is none


@dataclass(frozen=True)
class Tick:
    """The sampler has come so far: `seconds` and `evaluations` since it began."""

    seconds: float
    evaluations: int
    fraction: float  # of its work, as it tells
    cursor: Mapping[str, Any]


@dataclass(frozen=True)
class Rehearsal:
    """`draws`: of a sampler that came to its end; None: it was stopped. `chain`
    (S, E, W, d + 2): the steps of an emcee that was."""

    ticks: list[Tick]
    seconds: float
    evaluations: int
    draws: Draws | None
    chain: Array | None = None


@dataclass(frozen=True)
class Asked:
    """What is to be sampled, and how."""

    posterior: Posterior
    sampler: Any  # one of those of `app.config.janus.sampler`
    convergence: Convergence
    checkpoint: SamplingCheckpoint
    seed: int


def rehearsed(
    asked: Asked,
    limit_s: float,
    tells: Callable[["Tick"], bool] = lambda tick: True,
) -> Rehearsal:
    """The sampler's work of `limit_s` seconds, or all of it where that is less; up to `AGAIN` times
    as long, where it `tells` nothing yet.

    Raises:
        SuperiorError: what the sampler raises in a run, too.
    """
    posterior = replace(asked.posterior, evaluations=0)
    module = import_module(f"app.pipelines.janus.samplers.{SAMPLERS[asked.sampler.kind]}")
    with _aside() as run, run.phase(PHASE):
        watch = _Watch(posterior, limit_s, tells)
        task = _Watched(
            posterior, asked.convergence, asked.checkpoint, run, NAME, asked.seed, {}, watch=watch
        )
        draws, chain = None, None
        with contextlib.suppress(_Enough):
            draws = module.sample(task, asked.sampler)
        seconds = time.perf_counter() - watch.began
        if draws is None and isinstance(asked.sampler, Emcee):
            shape = asked.sampler.ensembles, asked.sampler.walkers, posterior.ndim + 2
            chain = np.fromfile(task.folder / CHAIN).reshape(-1, *shape)
    return Rehearsal(watch.ticks, seconds, posterior.evaluations, draws, chain)


class _Enough(BaseException):
    """Ends a sampler: no failure, so that nothing on the way takes it for one."""


class _Watch:
    def __init__(self, posterior: Posterior, limit_s: float, tells: Callable[[Tick], bool]) -> None:
        self.ticks: list[Tick] = []
        self._posterior, self._limit_s, self._tells = posterior, limit_s, tells
        self.began = time.perf_counter()

    def __call__(self, fraction: float, cursor: Mapping[str, Any]) -> None:
        seconds = time.perf_counter() - self.began
        tick = Tick(seconds, self._posterior.evaluations, fraction, dict(cursor))
        self.ticks.append(tick)
        if seconds >= AGAIN * self._limit_s or (seconds >= self._limit_s and self._tells(tick)):
            raise _Enough


@dataclass(frozen=True)
class _Watched(SamplingTask):
    watch: _Watch | None = field(default=None, kw_only=True)

    def advance(
        self, fraction: float, cursor: Mapping[str, Any], units: Mapping[str, float]
    ) -> None:
        super().advance(fraction, cursor, units)
        if self.watch is not None:
            self.watch(fraction, cursor)


@contextlib.contextmanager
def _aside() -> Iterator[DurableRun]:
    """A durable run that nobody sees: its folder is removed, and no bar or line is shown."""
    with (
        tempfile.TemporaryDirectory(prefix="superior-rehearsal-") as folder,
        _quiet(),
        contextlib.redirect_stderr(io.StringIO()),  # no terminal: no bar
        DurableRun(Path(folder) / NAME, study="janus", run_name=NAME, phases={PHASE: 1.0}) as run,
    ):
        yield run


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in QUIET]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
