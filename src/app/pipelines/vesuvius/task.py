"""What a training works on: rows as matrices, the candidates, and which of them are fitted when."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.config.vesuvius.features import Design
from app.config.vesuvius.training import (
    CoarseToFine,
    FullSearch,
    Optimal,
    Reference,
    Search,
    Solver,
    Training,
)
from app.pipelines.vesuvius.coarse import coarse, finer
from app.pipelines.vesuvius.design import StandardDesign, fit_design
from app.pipelines.vesuvius.grid import (
    Candidate,
    Problems,
    batches,
    candidates,
    problems,
    solved_as,
)
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.proximal import first_weights
from app.pipelines.vesuvius.rows import Samples
from app.pipelines.vesuvius.state import TrainingState


@dataclass(frozen=True)
class GridTask:
    """The grid on one set of rows. n training rows, d columns, K classes, N candidates."""

    design: StandardDesign
    X: np.ndarray  # (n, d)
    Y: np.ndarray  # (n, K) uint8
    X_validation: np.ndarray  # (m, d)
    Y_validation: np.ndarray  # (m, K) uint8
    classes: tuple[str, ...]
    training: Training
    solver: Reference | Optimal
    search: FullSearch | CoarseToFine
    candidates: list[Candidate]
    problems: Problems

    @classmethod
    def of(
        cls,
        samples: Samples,
        design: Design,
        training: Training,
        solver: Solver,
        search: Search,
        seed: int,
    ) -> "GridTask":
        """Standardises the rows and draws the meta-neurons' problems."""
        fitted = fit_design(samples.train, design)
        how = solver.root
        dtype = how.dtype if isinstance(how, Reference) else "float64"
        X = fitted.matrix(samples.train.features, np.dtype(dtype))
        tried = candidates(training.grid, seed)
        classes = samples.train.classes
        return cls(
            design=fitted,
            X=X,
            Y=np.ascontiguousarray(samples.train.target),
            X_validation=fitted.matrix(samples.validation.features, np.dtype(dtype)),
            Y_validation=np.ascontiguousarray(samples.validation.target),
            classes=classes,
            training=training,
            solver=how,
            search=search.root,
            candidates=tried,
            problems=problems(training.grid, tried, len(X), X.shape[1], len(classes)),
        )

    @property
    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        return self.X_validation, self.Y_validation

    @property
    def max_iter(self) -> int:
        """Iterations of a batch: the optimum is found in one."""
        return self.solver.max_iter if isinstance(self.solver, Reference) else 1

    @cached_property
    def same_as(self) -> dict[int, int]:
        """Candidate -> the first one that is the same fit; only those are fitted."""
        return solved_as(self.candidates, self.problems, isinstance(self.solver, Reference))

    def first_state(self) -> TrainingState:
        """Before the first iteration."""
        weights, intercepts = first_weights(self.candidates, self.problems, self.X.dtype.name)
        return TrainingState.first(weights, intercepts, len(self.classes))

    def batches(self, state: TrainingState) -> list[Sequence[Candidate]]:
        """Those of the present epoch, as far as they are known: with a coarse search, the finer
        candidates follow from the scores of the coarse ones in the first epoch."""
        if not isinstance(self.search, CoarseToFine):
            return self._batches(self.candidates, first_alone=True)
        rough = coarse(self.candidates)
        parts = self._batches(rough, first_alone=True)
        if self._finer_is_known(state):
            scores = np.full(len(self.candidates), np.nan)
            for each in rough:
                scores[each.index] = state.first_scores[self.same_as[each.index]]
            parts += self._batches(finer(self.candidates, scores, self.search.keep), False)
        return parts

    def total(self, state: TrainingState) -> int:
        """Candidates of an epoch; while the finer ones are not known, as many as they may be."""
        known = sum(map(len, self.batches(state)))
        if not isinstance(self.search, CoarseToFine) or self._finer_is_known(state):
            return known
        return min(len(self.candidates), known + 8 * self.search.keep)

    def columns(self, tried: Sequence[Candidate]) -> np.ndarray:
        """Of the (d, N K) weights: those of these candidates."""
        k = len(self.classes)
        return np.concatenate([np.arange(each.index * k, (each.index + 1) * k) for each in tried])

    def model(self, state: TrainingState) -> LinearModel:
        """The best so far."""
        return LinearModel(
            weights=state.best_weights.astype(np.float64),
            intercept=state.best_intercept.astype(np.float64),
            thresholds=state.best_thresholds.astype(np.float64),
            design=self.design,
            classes=self.classes,
        )

    def _finer_is_known(self, state: TrainingState) -> bool:
        rough = [self.same_as[each.index] for each in coarse(self.candidates)]
        return not np.isnan(state.first_scores[rough]).any()

    def _batches(self, tried: Sequence[Candidate], first_alone: bool) -> list[Sequence[Candidate]]:
        distinct = [each for each in tried if self.same_as[each.index] == each.index]
        if isinstance(self.solver, Optimal):
            return _by_problem(distinct)
        split = batches(distinct, self.solver.width)
        return split if first_alone else batches_of(distinct, self.solver.width)


def batches_of(tried: Sequence[Candidate], width: int) -> list[Sequence[Candidate]]:
    """`width` at a time."""
    return [tried[at : at + width] for at in range(0, len(tried), width)]


def _by_problem(tried: Sequence[Candidate]) -> list[Sequence[Candidate]]:
    """A path of penalties is solved as one."""
    found: dict[tuple[int, int], list[Candidate]] = {}
    for each in tried:
        found.setdefault((each.repeat, each.meta_neuron), []).append(each)
    return list(found.values())
