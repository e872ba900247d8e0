"""The posterior of up to three parameters by quadrature: exact, where the nodes are enough.

Tensor grids of Gauss-Legendre nodes on the boxes that hold the posterior (`support`). The error is
what halving the nodes changes; they are doubled until it is small. Every value is recorded on disk
in the order of its evaluation, which is always the same: a run that goes on reads what it has and
evaluates the rest.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.config.janus.sampler import Quadrature
from app.durable.checkpoint import Snapshot
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.chain_file import ChainFile, Kept
from app.pipelines.janus.samplers.support import Box, support_of
from app.pipelines.janus.samplers.task import SamplingTask

MOST_PARAMETERS = 3
MOST_NODES = 4_000_000  # of all grids; beyond, the nodes are not doubled
BLOCK = 2048  # nodes that are evaluated together
NEGLIGIBLE = 40.0  # nodes with a log-posterior so far below the highest are not handed over
FINDING = 0.1  # of the progress


@dataclass(frozen=True)
class State:
    """All that the loop goes on from; replaced whole. `records`: blocks that are evaluated, all
    on file."""

    records: int = 0
    evaluations: int = 0
    ended: str = ""


@dataclass(frozen=True)
class Grid:
    """A tensor grid on each box: `axes` and `weights` of each, and what was found there."""

    axes: list[list[Array]]
    weights: list[list[Array]]
    log_likelihood: list[Array]
    log_prior: list[Array]

    @property
    def theta(self) -> Array:
        """(n, d), box after box."""
        return np.concatenate([_tensor(axes) for axes in self.axes])

    @property
    def log_mass(self) -> Array:
        """(n,): log(posterior x volume) of each node."""
        volumes = [np.log(_tensor(weights)).sum(axis=1) for weights in self.weights]
        found = zip(self.log_likelihood, self.log_prior, volumes, strict=True)
        return np.concatenate([likelihood + prior + own for likelihood, prior, own in found])


def sample(task: SamplingTask, sampler: Quadrature) -> Draws:
    """Nodes (1, N, 1, d) with their share of the posterior as weights, and ln Z; `ln_z_sd` is the
    error of ln Z, and details hold those of means and standard deviations.

    ended: converged (ln Z within convergence.ln_z_sd), nodes (not even with as many as fit in
    memory), or deadline (of the grid with half the nodes).

    Raises:
        ConfigError: more than three parameters; the likelihood is 0 all over the prior.
        ResumeError: the checkpoints are of another signature.
        SuperiorError: the deadline came before a first grid was done.
    """
    if task.posterior.ndim > MOST_PARAMETERS:
        raise ConfigError(
            f"sampler=quadrature: a grid of {sampler.nodes} nodes for each of "
            f"{task.posterior.ndim} parameters ({', '.join(task.posterior.names)}) is too large; "
            f"it takes {MOST_PARAMETERS} at most: sampler=importance gives the same for more"
        )
    loaded = task.run.resume(task.signature, loop=task.name)
    kept, state = Kept(), State()
    if loaded is not None:
        told = loaded.snapshot.state
        kept = Kept.of_state(told["values"])
        state = State(kept.records, told["evaluations"], told["ended"])
    with ChainFile(task.folder / "values.f64", (BLOCK, 2), kept) as file:
        loop = _Loop(task, sampler, file, state)
        task.carry_out(loop.run, loop.save_now)
        return loop.draws()


class _Loop:
    """`state` changes by one assignment for each block, its values appended before."""

    def __init__(
        self, task: SamplingTask, sampler: Quadrature, file: ChainFile, state: State
    ) -> None:
        self._task, self._sampler, self._file = task, sampler, file
        self.state = self._saved = state
        self._recorded = file.read()
        self._at = 0  # blocks asked for in this process
        self._blocks_since, self._saved_at = 0, time.monotonic()
        self._grids: tuple[Grid, ...] = ()  # with ever more nodes
        self._boxes: list[Box] = []

    def run(self) -> None:
        posterior, nodes = self._task.posterior, self._sampler.nodes
        self._boxes = support_of(posterior.prior, self._posterior_on, self._sampler.tail)
        self._grids = (self._grid(max(nodes // 2, 4), 0.3),)
        self._grids = (*self._grids, self._grid(nodes, 0.95))
        targets = self._task.convergence
        while self._error() > targets.ln_z_sd and targets.adaptive:
            nodes *= 2
            if len(self._boxes) * nodes**posterior.ndim > MOST_NODES:
                break
            self._grids = (*self._grids[-1:], self._grid(nodes, 0.99))
        ended = "converged" if self._error() <= targets.ln_z_sd else "nodes"
        self.state = replace(self.state, ended=ended)
        self._task.advance(1.0, {"blocks": self.state.records}, {})

    def save_now(self) -> None:
        """On disk: the newest state, and the values it counts on."""
        state = self.state
        self._file.cut(state.records)
        if state is self._saved:
            return
        self._task.run.checkpoint_now(_snapshot(state, self._file.sync()))
        self._saved = state

    def draws(self) -> Draws:
        """Nodes of the last whole grid.

        Raises:
            SuperiorError: there is none.
        """
        if not self._grids:
            raise SuperiorError(
                f"{self._task.name}: the time was over before the first grid was done; the same "
                "command with a larger budget.total goes on from here"
            )
        state, grid = self.state, self._grids[-1]
        is_compared = len(self._grids) > 1
        log_mass = grid.log_mass
        ln_z = float(np.logaddexp.reduce(log_mass))
        likelihood = np.concatenate([each.ravel() for each in grid.log_likelihood])
        prior = np.concatenate([each.ravel() for each in grid.log_prior])
        handed = likelihood + prior >= (likelihood + prior).max() - NEGLIGIBLE
        log_weight = log_mass[handed] - np.logaddexp.reduce(log_mass[handed])
        mean_error, sd_error = _moment_errors(self._grids) if is_compared else (None, None)
        return Draws(
            names=self._task.posterior.names,
            theta=grid.theta[handed][None, :, None],
            log_likelihood=likelihood[handed][None, :, None],
            log_prior=prior[handed][None, :, None],
            log_weight=log_weight[None, :, None],
            accepted=None,
            ended=state.ended or "deadline",
            evaluations=state.evaluations,
            ln_z=ln_z,
            ln_z_sd=self._error() if is_compared else None,
            details={
                "method": "quadrature",
                "nodes": [len(axis) for axis in grid.axes[0]],
                "boxes": [box.tolist() for box in self._boxes],
                "error_from": "halving the nodes",
                "ln_z_error": self._error() if is_compared else None,
                "mean_error": mean_error,  # in standard deviations, the worst parameter's
                "sd_error": sd_error,  # relative, the worst parameter's
            },
        )

    def _error(self) -> float:
        coarse, fine = (float(np.logaddexp.reduce(grid.log_mass)) for grid in self._grids[-2:])
        return abs(fine - coarse)

    def _grid(self, nodes: int, until: float) -> Grid:
        at, weight = np.polynomial.legendre.leggauss(nodes)
        axes = [
            [0.5 * (low + high) + 0.5 * (high - low) * at for low, high in box]
            for box in self._boxes
        ]
        weights = [[0.5 * (high - low) * weight for low, high in box] for box in self._boxes]
        found = [self._on(own, until) for own in axes]
        return Grid(axes, weights, [each[0] for each in found], [each[1] for each in found])

    def _posterior_on(self, axes: Sequence[Array]) -> Array:
        likelihood, prior = self._on(axes, FINDING)
        return (likelihood + prior).reshape([len(axis) for axis in axes])

    def _on(self, axes: Sequence[Array], until: float) -> tuple[Array, Array]:
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
    told = {"values": kept.as_state(), "evaluations": state.evaluations, "ended": state.ended}
    return Snapshot({"blocks": state.records}, {}, told)


def _tensor(axes: Sequence[Array]) -> Array:
    """(n, d): every combination of the axes' values, the last running fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _moments(grid: Grid) -> tuple[Array, Array]:
    """Means and standard deviations, (d,) each."""
    log_mass, theta = grid.log_mass, grid.theta
    weight = np.exp(log_mass - log_mass.max())
    weight /= weight.sum()
    mean = weight @ theta
    return mean, np.sqrt(weight @ (theta - mean) ** 2)


def _moment_errors(grids: Sequence[Grid]) -> tuple[float, float]:
    (coarse, coarse_sd), (fine, sd) = (_moments(grid) for grid in grids[-2:])
    return float(np.max(np.abs(fine - coarse) / sd)), float(np.max(np.abs(coarse_sd / sd - 1.0)))
