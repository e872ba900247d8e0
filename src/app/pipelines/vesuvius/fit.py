"""The durable loop over the grid: every iteration logged and saved, to stagnation or deadline.

An alarm or a signal may strike between any two instructions. The loop's state is one value that a
single assignment replaces, and what was handed to the checkpoint is whole: a run that is killed at
any iteration goes on from it and ends with the same bytes.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from app.config.vesuvius.training import Reference
from app.durable.run import DurableRun
from app.pipelines.vesuvius.grid import Candidate
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.newton import solve_path
from app.pipelines.vesuvius.proximal import batch_of, iterate
from app.pipelines.vesuvius.scoring import score, score_of
from app.pipelines.vesuvius.state import DISTILLATION, GRID, METRICS, TrainingState
from app.pipelines.vesuvius.task import GridTask

DEADLINE = "deadline"

log = logging.getLogger(__name__)


class Safe(Protocol):
    """What keeps the best model so far safe."""

    def __call__(self, model: LinearModel, score: float) -> None:
        """A model that scores better than those before."""

    def require(self, model: LinearModel, score: float) -> None:
        """The best of an earlier process, which may have been killed before it was safe."""

    def make(self, model: LinearModel, score: float) -> None:
        """All there is at a deadline before the first candidate is done."""


class GridFit:
    """Fits the candidates from `state` on."""

    def __init__(
        self,
        task: GridTask,
        state: TrainingState,
        run: DurableRun,
        every: int,
        safe: Safe,
    ) -> None:
        """`every`: iterations between checkpoints. `safe` is told of each model that scores
        better than those before, after the candidate or batch it is of."""
        self.state = state
        self._task, self._run, self._every, self._safe = task, run, every, safe
        self._iterations_since = 0

    def go_on(self) -> str:
        """To the end of the grid; why it ended: epochs, patience, stationary, converged, or the
        deadline of its phase."""
        with self._run.until_deadline():
            if self.state.best_candidate >= 0:
                self._safe.require(self._task.model(self.state), self.state.best_score)
            while self.state.stage == GRID:
                self._epoch()
        self._run.newest_checkpoint()  # waits for the disk: it may be published next
        if self.state.stage == GRID:
            self._keep_what_there_is()
            return DEADLINE
        return self.state.ended

    def cursor(self) -> dict[str, int]:
        """What is finished: epochs, candidates of this one, iterations of this batch."""
        state = self.state
        batches = self._task.batches(state)
        width = len(batches[state.batch]) if state.batch < len(batches) else 0
        return {
            "epoch": state.epoch,
            "epochs": self._target_epochs(),
            "candidate_index": sum(map(len, batches[: state.batch])),
            "candidate_total": self._task.total(state),
            "width": width,
            "iter": state.iteration,
            "max_iter": self._task.max_iter,
        }

    def _epoch(self) -> None:
        self._run.event("SUPERVISED_TRAIN", epoch=self.state.epoch, **self._told_best())
        while self.state.batch < len(batches := self._task.batches(self.state)):
            tried = batches[self.state.batch]
            if isinstance(self._task.solver, Reference):
                self._iterate(tried, self._task.solver)
            else:
                self._solve(tried)
            self._score(tried)
        self._close_epoch()

    def _iterate(self, tried: Sequence[Candidate], solver: Reference) -> None:
        task, columns = self._task, self._task.columns(tried)
        batch, unit = batch_of(tried, task.problems), f"iteration of {len(tried)}"
        for iteration in range(self.state.iteration, solver.max_iter):
            with self._run.unit(unit):
                W, b = self.state.weights[:, columns], self.state.intercepts[columns]
                W, b, moves = iterate(task.X, task.Y, W, b, batch, solver)
                self.state = self.state.with_fit(columns, W, b, iteration + 1)
            self._run.event(
                "PROGRESS_UPDATE",
                stage="fit_prox_iter",
                epoch=self.state.epoch,
                candidate=tried[0].index,
                width=len(tried),
                iter=iteration + 1,
                move=moves.tolist(),
                nonzero=np.count_nonzero(W, axis=0).tolist(),
            )
            if (iteration + 1) % solver.kpi_every == 0:
                self._tell_kpi(tried)
            self._advance(len(tried))

    def _solve(self, tried: Sequence[Candidate]) -> None:
        task, unit = self._task, f"path of {len(tried)}"
        assert not isinstance(task.solver, Reference)
        if self.state.iteration > 0:  # it was solved before an interrupt
            return
        problem = task.problems[tried[0].meta_neuron, tried[0].repeat]
        with self._run.unit(unit):
            l1, l2 = penalties_of(tried)
            penalties = np.column_stack([l1, l2])
            found = solve_path(task.X, task.Y, problem, penalties, task.solver)
            self.state = self.state.with_fit(
                task.columns(tried), found.weights, found.intercepts, 1
            )
        self._run.event(
            "PROGRESS_UPDATE",
            stage="fit_newton_path",
            epoch=self.state.epoch,
            candidates=[each.index for each in tried],
            steps=found.steps,
            violation=found.kkt.tolist(),
        )
        if (worst := float(found.kkt.max())) > task.solver.kkt:
            self._run.event("OPTIMUM_NOT_REACHED", kkt=worst, wanted=task.solver.kkt)
            log.warning(
                "%s: optimality violated by %.1e, above solver.kkt=%.1e after solver.max_steps=%d",
                unit,
                worst,
                task.solver.kkt,
                task.solver.max_steps,
            )
        self._advance(len(tried))

    def _score(self, tried: Sequence[Candidate]) -> None:
        """Scores the batch, closes it, and tells of a better model."""
        state, task = self.state, self._task
        columns, classes = task.columns(tried), len(task.classes)
        weights = state.weights[:, columns], state.intercepts[columns]
        with self._run.unit("scoring"):
            pruned, scores = score_of(task.training, task.validation, weights, penalties_of(tried))
        told = [scores.of(at) for at in range(len(tried))]
        rows = np.array([[row[name] for name in METRICS] for row in told])
        at = int(np.argmin(np.nan_to_num(rows[:, 0], nan=np.inf)))  # nan: the step was too large
        closed = replace(
            state.with_scores([each.index for each in tried], rows),
            batch=state.batch + 1,
            iteration=0,
        )
        is_better = float(rows[at, 0]) < state.best_score
        if is_better:
            own = slice(at * classes, (at + 1) * classes)
            closed = replace(
                closed,
                best_weights=pruned[:, own].astype(np.float64),
                best_intercept=weights[1][own].astype(np.float64),
                best_thresholds=scores.thresholds[at],
                best_score=float(rows[at, 0]),
                best_candidate=tried[at].index,
                best_epoch=state.epoch,
            )
        self.state = closed
        self._run.event(
            "PROGRESS_UPDATE",
            stage="hyperparam_search",
            epoch=state.epoch,
            candidates=[each.index for each in tried],
            **{name: rows[:, number].tolist() for number, name in enumerate(METRICS)},
            **self._told_best(),
        )
        self._save()
        if is_better:
            self._safe(task.model(closed), closed.best_score)

    def _close_epoch(self) -> None:
        state, stopping = self.state, self._task.training.stopping
        gained = state.epoch_score - state.best_score
        stale = 0 if gained >= stopping.min_gain else state.stale_epochs + 1
        moved = float(np.abs(state.weights - state.epoch_weights).max(initial=0.0))
        ended = ""
        if not isinstance(self._task.solver, Reference):
            ended = "converged"  # another epoch would find the same optimum
        elif stopping.epochs and state.epoch + 1 >= stopping.epochs:
            ended = "epochs"
        elif stale >= stopping.patience:
            ended = "patience"
        elif moved <= stopping.stationary:
            ended = "stationary"
        self.state = replace(
            state,
            stage=DISTILLATION if ended else GRID,
            epoch=state.epoch + 1,
            batch=0,
            iteration=0,
            epoch_weights=state.weights,
            epoch_score=state.best_score,
            stale_epochs=stale,
            ended=ended,
        )
        self._run.event(
            "PROGRESS_UPDATE",
            stage="epoch_done",
            epoch=state.epoch,
            gain=gained if np.isfinite(gained) else None,
            stale_epochs=stale,
            largest_move=moved,
            ended=ended,
            **self._told_best(),
        )
        self._save()
        self._run.advance(cursor=self.cursor())

    def _tell_kpi(self, tried: Sequence[Candidate]) -> None:
        """The candidates as they are, on the validation rows."""
        task, columns = self._task, self._task.columns(tried)
        with self._run.unit("kpi"):
            W, b = self.state.weights[:, columns], self.state.intercepts[columns]
            found = score(*task.validation, W, b, penalties_of(tried), task.training.thresholds)
        self._run.event(
            "PROGRESS_UPDATE",
            stage="fit_kpi",
            epoch=self.state.epoch,
            candidates=[each.index for each in tried],
            iter=self.state.iteration,
            cross_entropy=found.cross_entropy.tolist(),
            f1=found.f1.mean(axis=1).tolist(),
        )

    def _advance(self, width: int) -> None:
        self._iterations_since += 1
        if self._iterations_since >= self._every:
            self._save()
        self._run.advance(cursor=self.cursor(), units={"candidate iterations": width})

    def _save(self) -> None:
        self._iterations_since = 0
        self._run.checkpoint(self.state.snapshot(self.cursor()))

    def _keep_what_there_is(self) -> None:
        """A deadline before the first candidate was done: its weights so far are the model. The
        grid itself stays where it is, so that it goes on exactly."""
        task = self._task
        if self.state.best_candidate >= 0:
            self._safe.require(task.model(self.state), self.state.best_score)
            return
        first = task.batches(self.state)[0][:1]
        columns = task.columns(first)
        weights = self.state.weights[:, columns], self.state.intercepts[columns]
        pruned, scores = score_of(task.training, task.validation, weights, penalties_of(first))
        self.state = replace(
            self.state,
            best_weights=pruned.astype(np.float64),
            best_intercept=weights[1].astype(np.float64),
            best_thresholds=scores.thresholds[0],
        )
        self._safe.make(task.model(self.state), scores.of(0)["score"])

    def _target_epochs(self) -> int:
        """Epochs until training ends, as far as can be known: those configured; else the fewest
        after which it may stagnate, or fewer where the budget has no time for them."""
        state, stopping = self.state, self._task.training.stopping
        if not isinstance(self._task.solver, Reference):
            return 1
        if stopping.epochs:
            return stopping.epochs
        until_stale = max(2, state.epoch + stopping.patience - state.stale_epochs)
        share = self._run.governor.share_of_phase()
        if not share or state.stage != GRID:
            return max(state.epoch, 1) if state.stage != GRID else until_stale
        batches = self._task.batches(state)
        done = state.epoch + state.batch / max(len(batches), 1)
        return max(state.epoch + 1, min(until_stale, round(done / share))) if done else until_stale

    def _told_best(self) -> dict[str, Any]:
        score = self.state.best_score
        return {
            "best_candidate": self.state.best_candidate,
            "best_score": score if np.isfinite(score) else None,
        }


def penalties_of(tried: Sequence[Candidate]) -> tuple[np.ndarray, np.ndarray]:
    """l1 and l2 of each."""
    return np.array([each.l1 for each in tried]), np.array([each.l2 for each in tried])
