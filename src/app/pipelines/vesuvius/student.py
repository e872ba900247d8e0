"""The student of distillation: the linear model learns the teacher's softer targets (Hinton,
Vinyals & Dean 2015), on voxels nobody labelled too. The loss of a row and class is

    share T^2 CE(teacher(x / T), student(x / T)) + (1 - share) CE(label, student(x))

with the second term only where there is a label; logits are divided by the temperature T.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from app.config.vesuvius.training import Distillation
from app.errors import SuperiorError
from app.pipelines.vesuvius.logistic import cross_entropies, sigmoid

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8  # Adam (Kingma & Ba 2015)
_KEPT = ("weights", "intercept", "first", "second")


@dataclass(frozen=True)
class Student:
    """The weights that learn, and Adam's state: all a checkpoint needs."""

    weights: np.ndarray  # (d, K) float64
    intercept: np.ndarray  # (K,)
    first: np.ndarray  # (d + 1, K): moving mean of the gradient; the intercept's last
    second: np.ndarray  # (d + 1, K): of its square
    updates: int

    @classmethod
    def beginning(cls, weights: np.ndarray, intercept: np.ndarray) -> Self:
        """From fitted weights (d, K) and intercepts (K,)."""
        moments = np.zeros((len(weights) + 1, len(intercept)))
        return cls(weights.astype(np.float64), intercept.astype(np.float64), moments, moments, 0)

    def arrays(self) -> dict[str, np.ndarray]:
        kept = {name: getattr(self, name) for name in _KEPT}
        return {**kept, "updates": np.array(self.updates, np.int64)}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The student of `arrays()`, to the bit."""
        kept = {name: np.array(arrays[name], np.float64) for name in _KEPT}
        return cls(**kept, updates=int(arrays["updates"]))


@dataclass(frozen=True)
class Lesson:
    """A batch of m rows."""

    X: np.ndarray  # (m, d) the student's design
    soft: np.ndarray  # (m, K) the teacher's probabilities at the temperature
    hard: np.ndarray  # (m, K) 0 or 1; anything where there is no label
    labelled: np.ndarray  # (m,) bool


def order(rows: int, epoch: int, seed: int) -> np.ndarray:
    """In which order an epoch goes through its rows; a batch is the next `batch_rows` of it."""
    return np.random.default_rng([seed, epoch]).permutation(rows)


def student_update(student: Student, lesson: Lesson, config: Distillation) -> tuple[Student, float]:
    """One step of Adam, its length falling as 1 / sqrt(updates); and the loss before it.

    Raises:
        SuperiorError: the loss is not finite.
    """
    z = lesson.X @ student.weights + student.intercept
    T, share = config.temperature, config.soft_share
    hard_share = (1.0 - share) * lesson.labelled[:, None]
    hard = np.where(lesson.labelled[:, None], lesson.hard, 0.0)
    soft_loss = share * T**2 * cross_entropies(z / T, lesson.soft)
    loss = float((soft_loss + hard_share * cross_entropies(z, hard)).mean())
    if not np.isfinite(loss):
        raise SuperiorError(
            f"the student's loss is {loss}: take a distillation.step below {config.step}"
        )
    e = share * T * (sigmoid(z / T) - lesson.soft) + hard_share * (sigmoid(z) - hard)
    G = np.vstack([lesson.X.T @ e, e.sum(axis=0)]) / len(z)
    return _adam(student, G, config.step), loss


def _adam(student: Student, G: np.ndarray, step: float) -> Student:
    t = student.updates + 1
    first = FIRST_DECAY * student.first + (1 - FIRST_DECAY) * G
    second = SECOND_DECAY * student.second + (1 - SECOND_DECAY) * G**2
    mean, square = first / (1 - FIRST_DECAY**t), second / (1 - SECOND_DECAY**t)
    move = step / np.sqrt(t) * mean / (np.sqrt(square) + EPSILON)
    return Student(student.weights - move[:-1], student.intercept - move[-1], first, second, t)
