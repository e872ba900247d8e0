"""The posterior at nodes of grids, in blocks that are each evaluated once and recorded on disk."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.durable.checkpoint import Loaded, Snapshot
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.samplers.chain_file import ChainFile, Kept
from app.pipelines.janus.samplers.task import SamplingTask

BLOCK = 2048  # nodes that are evaluated together


@dataclass(frozen=True)
class State:
    """All that is gone on from; replaced whole. `records`: blocks that are evaluated, all on
    file."""

    records: int = 0
    evaluations: int = 0


def known(loaded: Loaded | None) -> tuple[Kept, State]:
    """What a checkpoint holds; nothing of none."""
    if loaded is None:
        return Kept(), State()
    told = loaded.snapshot.state
    kept = Kept.of_state(told["values"])
    return kept, State(kept.records, told["evaluations"])


class RecordedNodes:
    """Nodes must be asked for in the same order every time: what is recorded is not evaluated.

    `state` changes by one assignment for each block, its values appended before.
    """

    def __init__(self, task: SamplingTask, file: ChainFile, state: State) -> None:
        self._task, self._file = task, file
        self.state = self._saved = state
        self._recorded = file.read()
        self._at = 0  # blocks asked for in this process
        self._blocks_since, self._saved_at = 0, time.monotonic()

    def on(self, axes: Sequence[Array], until: float) -> tuple[Array, Array]:
        """Log-likelihood and log-prior, (n,) each, on the tensor grid; the progress is `until` in
        the end."""
        shape = [len(axis) for axis in axes]
        count = math.prod(shape)
        found = np.empty((count, 2))
        for first in range(0, count, BLOCK):
            rows = np.arange(first, min(first + BLOCK, count))
            index = np.unravel_index(rows, shape)
            theta = np.column_stack([axis[own] for axis, own in zip(axes, index, strict=True)])
            found[rows] = self._block(theta)
            self._task.advance(
                until * (first + len(rows)) / count,
                {"blocks": self.state.records},
                {"evaluations": float(len(rows))},
            )
        return found[:, 0], found[:, 1]

    def save_now(self) -> None:
        """On disk: the newest state, and the values it counts on."""
        state = self.state
        self._file.cut(state.records)
        if state is self._saved:
            return
        self._task.run.checkpoint_now(_snapshot(state, self._file.sync()))
        self._saved = state

    def _block(self, theta: Array) -> Array:
        """(n, 2) of (n, d), n up to BLOCK: from the record, or evaluated."""
        number, self._at = self._at, self._at + 1
        if number < len(self._recorded):
            recorded: Array = self._recorded[number, : len(theta)]
            return recorded
        state, posterior = self.state, self._task.posterior
        before = posterior.evaluations
        with self._task.run.unit(f"{self._task.name} block"):
            likelihood, prior = posterior.both(theta)
        record = np.zeros((BLOCK, 2))
        record[: len(theta), 0], record[: len(theta), 1] = likelihood, prior
        self._file.append(record)
        self.state = replace(
            state,
            records=state.records + 1,
            evaluations=state.evaluations + posterior.evaluations - before,
        )
        self._save_when_due()
        return record[: len(theta)]

    def _save_when_due(self) -> None:
        self._blocks_since += 1
        due, since = self._task.checkpoint, time.monotonic() - self._saved_at
        if self._blocks_since < due.every and since < due.seconds:
            return
        self._task.run.checkpoint(_snapshot(self.state, self._file.sync()))
        self._blocks_since, self._saved_at = 0, time.monotonic()


def _snapshot(state: State, kept: Kept) -> Snapshot:
    told = {"values": kept.as_state(), "evaluations": state.evaluations}
    return Snapshot({"blocks": state.records}, {}, told)
