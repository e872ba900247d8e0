"""The durable loop of distillation: the teacher is fitted, the student updated batch by batch, and
what was executed is told event by event. That it ran is judged from the updates alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.config.vesuvius.training import Distillation
from app.durable.checkpoint import Snapshot
from app.durable.run import DurableRun
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.rows import Samples
from app.pipelines.vesuvius.scoring import score_of
from app.pipelines.vesuvius.state import NOT_EXECUTED
from app.pipelines.vesuvius.student import Lesson, Student, order, student_update
from app.pipelines.vesuvius.task import GridTask
from app.pipelines.vesuvius.teacher import Teacher, fit_teacher, soft_targets

LOOP = "distillation"
PHASE = "distillation"


@dataclass(frozen=True)
class Learning:
    """Where a distillation is; replaced whole."""

    teacher: Teacher
    student: Student
    losses: np.ndarray  # (updates,)

    def snapshot(self, planned: int) -> Snapshot:
        taught = {f"teacher_{name}": array for name, array in self.teacher.arrays().items()}
        learnt = {f"student_{name}": array for name, array in self.student.arrays().items()}
        return Snapshot(
            cursor={"iter": self.student.updates, "max_iter": planned},
            arrays={**taught, **learnt, "losses": self.losses},
            state={},
        )

    @classmethod
    def of(cls, kept: Snapshot, task: GridTask) -> "Learning":
        def part(side: str) -> dict[str, np.ndarray]:
            return {
                name.removeprefix(side): array
                for name, array in kept.arrays.items()
                if name.startswith(side)
            }

        teacher = Teacher.of(part("teacher_"), task.design)
        return cls(teacher, Student.of(part("student_")), kept.arrays["losses"])


class Distilling:
    """Teaches `model`, the best of the grid."""

    def __init__(
        self,
        task: GridTask,
        samples: Samples,
        model: LinearModel,
        config: Distillation,
        run: DurableRun,
        seed: int,
    ) -> None:
        self._task, self._samples, self._model = task, samples, model
        self._config, self._run, self._seed = config, run, seed
        self._labelled = len(samples.train.features)
        self._rows = self._labelled + len(samples.unlabelled)
        self._batches = -(-self._rows // config.batch_rows)  # of an epoch
        self.planned = config.epochs * self._batches
        self.checkpoints: list[tuple[int, str]] = []  # ts_ns, sha512
        self.learning: Learning | None = None

    def go_on(self, signature: dict[str, Any]) -> None:
        """To the last update, or to the deadline of its phase."""
        loaded = self._run.resume(signature, loop=LOOP)
        if loaded is not None:
            self.learning = Learning.of(loaded.snapshot, self._task)
        self._run.event("DISTILLATION_START", planned=self.planned, rows=self._rows)
        with self._run.until_deadline():
            if self.learning is None:
                self.learning = self._with_teacher()
            self._teach(self.learning.teacher)
        self._run.event("DISTILLATION_END", updates=self.updates, planned=self.planned)
        if self.updates == 0:
            self._run.event(NOT_EXECUTED, durable=True, planned=self.planned)

    @property
    def updates(self) -> int:
        """Executed ones."""
        return self.learning.student.updates if self.learning else 0

    def judged(self) -> tuple[LinearModel, dict[str, Any]]:
        """The student where it scores better on the validation rows than what it began as, else
        that; and the evidence, as JSON."""
        task, before = self._task, self._scored(self._model)
        evidence: dict[str, Any] = {
            "executed": self.updates > 0,
            "updates": self.updates,
            "planned": self.planned,
            "checkpoints": [list(told) for told in self.checkpoints],
            "candidate": before[1],
        }
        if self.learning is None or not self.updates:
            return self._model, {**evidence, "losses": [], "kept": "candidate"}
        student = self.learning.student
        taught = replace(self._model, weights=student.weights, intercept=student.intercept)
        model, scores = self._scored(taught)
        kept = "student" if scores["score"] < before[1]["score"] else "candidate"
        _, Y = task.validation
        teacher = self.learning.teacher.logits(self._samples.validation.features)
        evidence |= {
            "student": scores,
            "teacher": {"f1": _best_f1(teacher, Y)},
            "losses": self.learning.losses.tolist(),
            "kept": kept,
        }
        return (model if kept == "student" else self._model), evidence

    def _with_teacher(self) -> Learning:
        self._run.event("TEACHER_LOAD_BEGIN", teacher="quadratic")
        teacher = fit_teacher(self._samples.train, self._task.design, self._config)
        self._run.event("TEACHER_LOAD_END", teacher="quadratic", columns=len(teacher.weights))
        student = Student.beginning(self._model.weights, self._model.intercept)
        return Learning(teacher, student, np.empty(0))

    def _teach(self, teacher: Teacher) -> None:
        soft = np.concatenate(
            [
                soft_targets(teacher, rows, self._config.temperature)
                for rows in (self._samples.train.features, self._samples.unlabelled)
            ]
        )
        X = np.concatenate(
            [self._task.X, self._task.design.matrix(self._samples.unlabelled, self._task.X.dtype)]
        )
        while self.updates < self.planned:
            self._update(X, soft)
            if self.updates % self._batches == 0:
                self._save_for_good()
        if not self.checkpoints:
            self._save_for_good()

    def _update(self, X: np.ndarray, soft: np.ndarray) -> None:
        assert self.learning is not None
        epoch, batch = divmod(self.updates, self._batches)
        rows = order(self._rows, epoch, self._seed)
        at = rows[batch * self._config.batch_rows : (batch + 1) * self._config.batch_rows]
        self._run.event("BATCH_BEGIN", epoch=epoch, batch=batch, rows=len(at))
        with self._run.unit("student update"):
            student, loss = student_update(
                self.learning.student, self._lesson(at, X, soft), self._config
            )
            losses = np.append(self.learning.losses, loss)
            self.learning = Learning(self.learning.teacher, student, losses)
        self._run.event("LOSS_STEP", update=student.updates, loss=loss)
        self._run.event("STUDENT_UPDATE", update=student.updates)
        self._run.event("BATCH_END", epoch=epoch, batch=batch)
        self._run.checkpoint(self.learning.snapshot(self.planned))
        self._run.advance(student.updates / self.planned, units={"student updates": 1})

    def _lesson(self, at: np.ndarray, X: np.ndarray, soft: np.ndarray) -> Lesson:
        labelled = at < self._labelled
        hard = np.zeros((len(at), soft.shape[1]))
        hard[labelled] = self._task.Y[at[labelled]]
        return Lesson(X[at], soft[at], hard, labelled)

    def _save_for_good(self) -> None:
        assert self.learning is not None
        manifest = self._run.checkpoint_now(self.learning.snapshot(self.planned))
        self.checkpoints.append((manifest["ts_ns"], manifest["sha512_payload"]))

    def _scored(self, model: LinearModel) -> tuple[LinearModel, dict[str, float]]:
        """The model, pruned and with the thresholds that suit it, and its scores."""
        none = np.zeros(1)
        W, b = model.weights.astype(self._task.X.dtype), model.intercept.astype(self._task.X.dtype)
        pruned, found = score_of(self._task.training, self._task.validation, (W, b), (none, none))
        scored = replace(model, weights=pruned.astype(np.float64), thresholds=found.thresholds[0])
        return scored, found.of(0)


def _best_f1(logits: np.ndarray, target: np.ndarray) -> float:
    """The mean over classes of the best F1 at any threshold."""
    best = []
    for k in range(target.shape[1]):
        truth = target[np.argsort(-logits[:, k], kind="stable"), k] > 0
        right = np.cumsum(truth)
        taken = np.arange(1, len(truth) + 1)
        best.append(float((2 * right / np.maximum(taken + truth.sum(), 1)).max()))
    return float(np.mean(best))
