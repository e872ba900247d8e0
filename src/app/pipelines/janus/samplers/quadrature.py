"""The posterior of up to three parameters by quadrature, and its error.

Tensor grids of Gauss-Legendre nodes (`grids`) on the boxes that hold the posterior (`support`). The
error is what fewer nodes change; they are doubled until it is small. Every value is recorded on
disk in the order of its evaluation, which is always the same: a run that goes on reads what it has
and evaluates the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from app.config.janus.sampler import Quadrature
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.chain_file import ChainFile
from app.pipelines.janus.samplers.grids import (
    BETWEEN,
    EDGE_SHARE,
    Errors,
    Grid,
    Integrals,
    edge_share,
    errors_of,
    grid_on,
    integrals_of,
)
from app.pipelines.janus.samplers.recorded_nodes import BLOCK, RecordedNodes, known
from app.pipelines.janus.samplers.support import Box, support_of
from app.pipelines.janus.samplers.task import SamplingTask

MOST_PARAMETERS = 3
MOST_NODES = 4_000_000  # of a grid; beyond, the nodes are not doubled
MOST_ON_AXIS = 4096  # seconds, and the square of it in memory, to find where they are
NEGLIGIBLE = 40.0  # nodes with a log-posterior so far below the highest are not handed over
FINDING = 0.1  # of the progress


@dataclass(frozen=True)
class Level:
    """The newest grid that is whole; `errors`: None of the first, which has none to compare."""

    grid: Grid
    errors: Errors | None = None
    share: float = 0.0  # `edge_share`


def sample(task: SamplingTask, sampler: Quadrature) -> Draws:
    """Nodes (1, N, 1, d) with their share of the posterior as weights, and ln Z; `ln_z_sd` is the
    error of ln Z, and details hold those of means and standard deviations, and whether an edge of
    the model's domain is inside the boxes, oblique to the axes (`edge_inside`).

    ended: converged (ln Z within convergence.ln_z_sd, means within convergence.mcse), nodes (not
    even with as many as fit in memory), or deadline (of the last grid that was done).

    Raises:
        ConfigError: more than three parameters; the likelihood is 0 all over the prior.
        ResumeError: the checkpoints are of another signature.
        SuperiorError: the deadline came before a first grid was done; no node is in the domain.
    """
    if task.posterior.ndim > MOST_PARAMETERS:
        raise ConfigError(
            f"sampler=quadrature: a grid of {sampler.nodes} nodes for each of "
            f"{task.posterior.ndim} parameters ({', '.join(task.posterior.names)}) is too large; "
            f"it takes {MOST_PARAMETERS} at most: sampler=importance gives the same for more"
        )
    kept, state = known(task.run.resume(task.signature, loop=task.name))
    with ChainFile(task.folder / "values.f64", (BLOCK, 2), kept) as file:
        nodes = RecordedNodes(task, file, state)
        loop = _Loop(task, sampler, nodes)
        task.carry_out(loop.run, nodes.save_now)
        return loop.draws()


class _Loop:
    def __init__(self, task: SamplingTask, sampler: Quadrature, recorded: RecordedNodes) -> None:
        self._task, self._sampler, self._recorded = task, sampler, recorded
        self._level: Level | None = None
        self._boxes: list[Box] = []
        self._ended = "deadline"

    def run(self) -> None:
        posterior, nodes = self._task.posterior, self._sampler.nodes
        self._boxes = support_of(posterior.prior, self._posterior_on, self._sampler.tail)
        coarse = max(nodes // 2, 4)
        self._level = Level(self._grid(coarse, 0.3))
        self._level = self._finer(nodes, self._level, 0.95)
        while not self._is_exact(self._level) and self._task.convergence.adaptive:
            nodes *= 2
            if not fits(len(self._boxes), nodes, posterior.ndim):
                break
            self._level = self._finer(nodes, self._level, 0.99)
        self._task.advance(1.0, {"blocks": self._recorded.state.records}, {})
        self._ended = "converged" if self._is_exact(self._level) else "nodes"

    def draws(self) -> Draws:
        """Nodes of the last whole grid.

        Raises:
            SuperiorError: there is none, or none of its nodes is in the domain.
        """
        if self._level is None:
            raise SuperiorError(
                f"{self._task.name}: the time was over before the first grid was done; the same "
                "command with a larger budget.total goes on from here"
            )
        grid, errors = self._level.grid, self._level.errors
        log_mass = grid.log_mass
        ln_z = float(np.logaddexp.reduce(log_mass))
        if ln_z == -math.inf:
            raise SuperiorError(
                f"{self._task.name}: not one node of the grid is where the likelihood is above 0; "
                "give it more sampler.nodes"
            )
        likelihood = np.concatenate([each.ravel() for each in grid.log_likelihood])
        prior = np.concatenate([each.ravel() for each in grid.log_prior])
        handed = likelihood + prior >= (likelihood + prior).max() - NEGLIGIBLE
        log_weight = log_mass[handed] - np.logaddexp.reduce(log_mass[handed])
        told = asdict(errors) if errors else {}
        told = {name: error if math.isfinite(error) else None for name, error in told.items()}
        is_edge = self._level.share > EDGE_SHARE
        return Draws(
            names=self._task.posterior.names,
            theta=grid.theta[handed][None, :, None],
            log_likelihood=likelihood[handed][None, :, None],
            log_prior=prior[handed][None, :, None],
            log_weight=log_weight[None, :, None],
            accepted=None,
            ended=self._ended,
            evaluations=self._recorded.state.evaluations,
            ln_z=ln_z,
            ln_z_sd=told.get("ln_z"),
            details={
                "method": "quadrature",
                "nodes": [len(axis) for axis in grid.axes[0]],
                "boxes": [box.tolist() for box in self._boxes],
                "edge_inside": is_edge,
                "error_from": "five grids" if is_edge else "halving the nodes",
                "ln_z_error": told.get("ln_z"),
                "mean_error": told.get("mean"),  # the worst parameter's, in standard deviations
                "sd_error": told.get("sd"),  # relative, the worst parameter's
            },
        )

    def _is_exact(self, level: Level) -> bool:
        targets, errors = self._task.convergence, level.errors
        assert errors is not None
        return errors.ln_z <= targets.ln_z_target and errors.mean <= targets.mcse

    def _finer(self, nodes: int, before: Level, until: float) -> Level:
        """A grid with twice the nodes of the one before, and its errors."""
        grid = self._grid(nodes, until)
        share, coarser = edge_share(grid), [integrals_of(before.grid)]
        if share > EDGE_SHARE:
            coarser += [self._integrals(round(part * nodes), until) for part in BETWEEN]
        return Level(grid, errors_of(integrals_of(grid), coarser, share), share)

    def _integrals(self, nodes: int, until: float) -> Integrals:
        return integrals_of(self._grid(nodes, until))

    def _grid(self, nodes: int, until: float) -> Grid:
        return grid_on(self._boxes, nodes, lambda axes: self._recorded.on(axes, until))

    def _posterior_on(self, axes: Sequence[Array]) -> Array:
        likelihood, prior = self._recorded.on(axes, FINDING)
        return (likelihood + prior).reshape([len(axis) for axis in axes])


def fits(boxes: int, nodes: int, ndim: int) -> bool:
    """Whether a grid with so many nodes on each axis of each box is made."""
    return nodes <= MOST_ON_AXIS and boxes * nodes**ndim <= MOST_NODES
