"""Where a training is, as one value that is replaced whole: what a checkpoint holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from app.durable.checkpoint import Snapshot

METRICS = (
    "score",
    "cross_entropy",
    "penalty",
    "sparsity",
    "threshold",
    "f1",
    "f_half",
    "iou",
)  # of a candidate, the columns of its scores
GRID, DISTILLATION = "grid", "distillation"
NOT_EXECUTED = "DISTILLATION_NOT_EXECUTED_HARD_FAIL"  # an event, and an error
ARRAYS = (
    "weights",
    "intercepts",
    "epoch_weights",
    "scores",
    "first_scores",
    "best_weights",
    "best_intercept",
    "best_thresholds",
)


@dataclass(frozen=True)
class TrainingState:
    """N candidates, K classes, d columns of the design. Counts are of what is finished."""

    weights: np.ndarray  # (d, N K), candidate-major, class-minor
    intercepts: np.ndarray  # (N K,)
    epoch_weights: np.ndarray  # (d, N K): those the epoch began with
    scores: np.ndarray  # (N, M) of METRICS, when last scored; nan: never
    first_scores: np.ndarray  # (N,) in the first epoch, which a finer search follows from
    best_weights: np.ndarray  # (d, K), pruned
    best_intercept: np.ndarray  # (K,)
    best_thresholds: np.ndarray  # (K,)
    stage: str = GRID
    epoch: int = 0
    batch: int = 0  # of the epoch
    iteration: int = 0  # of the batch
    best_score: float = float("inf")  # the lower the better; inf: nothing was scored yet
    best_candidate: int = -1
    best_epoch: int = -1
    epoch_score: float = float("inf")  # the best score when the epoch began
    stale_epochs: int = 0  # without gain
    ended: str = ""  # why the grid ended: epochs, patience, stationary, converged

    @classmethod
    def first(cls, weights: np.ndarray, intercepts: np.ndarray, classes: int) -> Self:
        """Before the first iteration."""
        columns, total = len(weights), len(intercepts) // classes
        return cls(
            weights=weights,
            intercepts=intercepts,
            epoch_weights=weights,
            scores=np.full((total, len(METRICS)), np.nan),
            first_scores=np.full(total, np.nan),
            best_weights=np.zeros((columns, classes)),
            best_intercept=np.zeros(classes),
            best_thresholds=np.full(classes, 0.5),
        )

    def with_fit(
        self, at: np.ndarray, weights: np.ndarray, intercepts: np.ndarray, iteration: int
    ) -> Self:
        """One more iteration of the columns `at`."""
        all_weights, all_intercepts = self.weights.copy(), self.intercepts.copy()
        all_weights[:, at], all_intercepts[at] = weights, intercepts
        return replace(self, weights=all_weights, intercepts=all_intercepts, iteration=iteration)

    def with_scores(self, indices: Sequence[int], rows: np.ndarray) -> Self:
        """(k, M) scores of candidates; those of all epochs are in the journal."""
        scores, first = self.scores.copy(), self.first_scores.copy()
        scores[list(indices)] = rows
        if self.epoch == 0:
            first[list(indices)] = rows[:, 0]
        return replace(self, scores=scores, first_scores=first)

    def snapshot(self, cursor: dict[str, int]) -> Snapshot:
        """Everything, with the cursor that a person reads."""
        return Snapshot(
            cursor=cursor,
            arrays={name: getattr(self, name) for name in ARRAYS},
            state={
                "model_state": {
                    "stage": self.stage,
                    "batch": self.batch,
                    "epoch": self.epoch,
                    "iteration": self.iteration,
                    "ended": self.ended,
                },
                "best_metrics": {
                    "score": _number(self.best_score),
                    "candidate": self.best_candidate,
                    "epoch": self.best_epoch,
                },
                "optimizer_state": {
                    "epoch_score": _number(self.epoch_score),
                    "stale_epochs": self.stale_epochs,
                },
            },
        )

    @classmethod
    def of(cls, kept: Snapshot) -> Self:
        """The state that `snapshot` kept, to the bit."""
        model: dict[str, Any] = kept.state["model_state"]
        best: dict[str, Any] = kept.state["best_metrics"]
        optimizer: dict[str, Any] = kept.state["optimizer_state"]
        arrays: dict[str, Any] = {name: kept.arrays[name] for name in ARRAYS}
        return cls(
            **arrays,
            **model,
            best_score=_score(best["score"]),
            best_candidate=best["candidate"],
            best_epoch=best["epoch"],
            epoch_score=_score(optimizer["epoch_score"]),
            stale_epochs=optimizer["stale_epochs"],
        )


def _number(score: float) -> float | None:
    """JSON has no infinity."""
    return score if np.isfinite(score) else None


def _score(kept: float | None) -> float:
    return float("inf") if kept is None else kept
