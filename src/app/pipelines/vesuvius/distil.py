"""The durable loop of distillation: the teacher is fitted, the student updated batch by batch, and
what was executed is told event by event. That it ran is judged from the updates alone."""

import shutil
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from app.config.vesuvius.training import Distillation
from app.durable.checkpoint import Snapshot
from app.durable.run import CHECKPOINTS, DurableRun
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.quadratic import QuadraticModel
from app.pipelines.vesuvius.rows import Samples
from app.pipelines.vesuvius.scoring import score, score_of
from app.pipelines.vesuvius.state import NOT_EXECUTED
from app.pipelines.vesuvius.student import Lesson, Student, order, student_update
from app.pipelines.vesuvius.task import GridTask
from app.pipelines.vesuvius.teacher import Teacher, fit_teacher, soft_targets

LOOP = "distillation"
PHASE = "distillation"
REHEARSED = 3  # updates, to know what one takes
Model = LinearModel | QuadraticModel


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
        teacher: Teacher | None = None,
    ) -> None:
        """`teacher`: the one that was fitted already, to the same rows."""
        self._teacher = teacher
        self._task, self._samples, self._model = task, samples, model
        self._config, self._run, self._seed = config, run, seed
        self._labelled = len(samples.train.features)
        self._rows = self._labelled + len(samples.unlabelled)
        self._batches = -(-self._rows // config.batch_rows)  # of an epoch
        self.planned = config.epochs * self._batches
        self.checkpoints: list[tuple[int, str]] = []  # ts_ns, sha512
        self.learning: Learning | None = None
        self._in_order = (-1, np.empty(0, np.intp))  # an epoch, and its rows

    def go_on(self, signature: dict[str, Any]) -> None:
        """To the last update, or to the deadline of its phase."""
        loop = f"{LOOP}-{self._model.sha256()[:12]}"  # a better candidate begins another one
        self._remove_others(loop)
        loaded = self._run.resume(signature, loop=loop)
        if loaded is not None:
            self.learning = Learning.of(loaded.snapshot, self._task)
        self._run.event("DISTILLATION_START", planned=self.planned, rows=self._rows)
        with self._run.until_deadline():
            if self.learning is None:
                self.learning = self._with_teacher()
            self._teach(*self._lessons(self.learning.teacher))
        self._run.event("DISTILLATION_END", updates=self.updates, planned=self.planned)
        if self.updates == 0:
            self._run.event(NOT_EXECUTED, durable=True, planned=self.planned)

    @property
    def updates(self) -> int:
        """Executed ones."""
        return self.learning.student.updates if self.learning else 0

    def judged(self) -> tuple[Model, dict[str, Any]]:
        """Of the candidate, its student and, where it may be deployed, the teacher the one that
        scores best on the validation rows, the first of equals; and the evidence, as JSON."""
        before = self._scored(self._model)
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
        scored: dict[str, tuple[Model, dict[str, float]]] = {
            "candidate": (self._model, before[1]),
            "student": self._scored(taught),
            "teacher": self._scored_teacher(self.learning.teacher),
        }
        eligible = [name for name in scored if name != "teacher" or self._config.deploy == "best"]
        kept = min(eligible, key=lambda name: scored[name][1]["score"])
        evidence |= {name: scores for name, (_, scores) in scored.items()}
        evidence |= {"losses": self.learning.losses.tolist(), "kept": kept}
        return scored[kept][0], evidence

    def _remove_others(self, loop: str) -> None:
        """Checkpoints of what earlier processes taught to candidates that are the best no more."""
        for folder in self._run.folder.glob(f"{CHECKPOINTS}-{LOOP}-*"):
            if folder.name != f"{CHECKPOINTS}-{loop}":
                shutil.rmtree(folder, ignore_errors=True)

    def rehearse(self) -> Teacher:
        """Fits the teacher and makes a few updates that nobody keeps: the budget then knows what
        this phase will take."""
        started = perf_counter()
        teacher = fit_teacher(self._samples.train, self._task.design, self._config)
        X, soft = self._lessons(teacher)
        prepared = perf_counter()
        student = Student.beginning(self._model.weights, self._model.intercept)
        at = order(self._rows, 0, self._seed)[: self._config.batch_rows]
        for _ in range(REHEARSED):
            student, _ = student_update(student, self._lesson(at, X, soft), self._config)
        each = (perf_counter() - prepared) / REHEARSED
        self._run.measured(PHASE, prepared - started + self.planned * each)
        return teacher

    def _with_teacher(self) -> Learning:
        self._run.event("TEACHER_LOAD_BEGIN", teacher="quadratic")
        teacher = self._teacher or fit_teacher(self._samples.train, self._task.design, self._config)
        self._run.event("TEACHER_LOAD_END", teacher="quadratic", columns=len(teacher.weights))
        student = Student.beginning(self._model.weights, self._model.intercept)
        return Learning(teacher, student, np.empty(0))

    def _lessons(self, teacher: Teacher) -> tuple[np.ndarray, np.ndarray]:
        """The design of all rows, labelled ones first, and the teacher's probabilities."""
        soft = np.concatenate(
            [
                soft_targets(teacher, rows, self._config.temperature)
                for rows in (self._samples.train.features, self._samples.unlabelled)
            ]
        )
        unlabelled = self._task.design.matrix(self._samples.unlabelled, self._task.X.dtype)
        return np.concatenate([self._task.X, unlabelled]), soft

    def _teach(self, X: np.ndarray, soft: np.ndarray) -> None:
        while self.updates < self.planned:
            self._update(X, soft)
            if self.updates % self._batches == 0:
                self._save_for_good()
        if not self.checkpoints:
            self._save_for_good()

    def _update(self, X: np.ndarray, soft: np.ndarray) -> None:
        assert self.learning is not None
        epoch, batch = divmod(self.updates, self._batches)
        if self._in_order[0] != epoch:
            self._in_order = epoch, order(self._rows, epoch, self._seed)
        rows, size = self._in_order[1], self._config.batch_rows
        at = rows[batch * size : (batch + 1) * size]
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

    def _scored_teacher(self, teacher: Teacher) -> tuple[QuadraticModel, dict[str, float]]:
        """As it would be deployed, with the thresholds that suit it, and its scores."""
        classes = self._task.classes
        model = QuadraticModel.of_teacher(teacher, np.full(len(classes), 0.5), classes)
        logits = model.logits(np.ascontiguousarray(self._samples.validation.features.T))
        _, Y = self._task.validation
        thresholds, scores = scores_of_logits(logits.T, Y, self._task.training.thresholds)
        return replace(model, thresholds=thresholds), scores


def scores_of_logits(
    logits: np.ndarray, Y: np.ndarray, thresholds: tuple[float, float, float]
) -> tuple[np.ndarray, dict[str, float]]:
    """The thresholds (K,) that suit a model without penalties or weights of 0, and its measures as
    those of the linear ones: each class (n, K) is a linear model of one column, its own logit."""
    one, none = np.ones((1, 1), logits.dtype), np.zeros(1)
    found = [
        score(z[:, None], y[:, None], one, none.astype(z.dtype), (none, none), thresholds)
        for z, y in zip(np.ascontiguousarray(logits.T), np.ascontiguousarray(Y.T), strict=True)
    ]
    told = [each.of(0) for each in found]
    means = {name: float(np.mean([each[name] for each in told])) for name in told[0]}
    return np.concatenate([each.thresholds[0] for each in found]), means
