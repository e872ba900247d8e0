"""The quadratic teacher as the model that is handed in: of each class one form of the f
standardised feature maps z,

    p = sigma(z' Q z + a' z + c),  Q upper triangular,

which is the teacher's logistic regression on z and all products with the standardisation of those
columns folded in. Predicting never builds the products; float32 throughout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np

from app.errors import InputError
from app.pipelines.vesuvius import logistic
from app.pipelines.vesuvius.compiled import compiled
from app.pipelines.vesuvius.design import StandardDesign
from app.pipelines.vesuvius.teacher import Teacher, columns_of_features

READ = 8192  # voxels whose maps are read together
BLOCK = 512  # voxels: some tens of their features stay in the first and second cache
_KEPT = ("form", "linear", "intercept", "thresholds")


@dataclass(frozen=True)
class QuadraticModel:
    """K forms, and the decision thresholds that were found best."""

    form: np.ndarray  # (K, f, f) float64, upper triangular
    linear: np.ndarray  # (K, f) float64
    intercept: np.ndarray  # (K,) float64
    thresholds: np.ndarray  # (K,) float64: of the class at or above it
    design: StandardDesign  # which maps are read, their mean and scale
    classes: tuple[str, ...]

    @classmethod
    def of_teacher(cls, teacher: Teacher, thresholds: np.ndarray, classes: tuple[str, ...]) -> Self:
        """The same logits, in another order of sums."""
        f = len(teacher.design.feature_index)
        weights = (teacher.weights / teacher.scale[:, None]).T
        form = np.zeros((len(weights), f, f))
        left, right = np.triu_indices(f)
        form[:, left, right] = weights[:, f:]
        constant = teacher.intercept - weights @ teacher.mean
        return cls(form, weights[:, :f].copy(), constant, thresholds, teacher.design, classes)

    def probabilities(self, maps: np.ndarray) -> np.ndarray:
        """Of each class: feature maps (F, ...) float32 to (K, ...) float32.

        Raises:
            InputError: another number of maps than the design is of.
        """
        found = self.logits(maps).reshape(len(self.classes), -1)
        logistic.probabilities(found, np.zeros(found.shape[1], np.float32))
        return found.reshape(len(self.classes), *maps.shape[1:])

    def logits(self, maps: np.ndarray) -> np.ndarray:
        """The same before the logistic function."""
        if len(maps) != len(self.design.names):
            raise InputError(
                f"{len(maps)} feature maps were computed, the model is of "
                f"{len(self.design.names)}: prepare and train again with the same features group"
            )
        read, coefficients = list(self.design.feature_index), self._coefficients()
        flat = np.asarray(maps, np.float32).reshape(len(maps), -1)  # a view: nothing is read yet
        found = np.empty((len(self.classes), flat.shape[1]), np.float32)
        for start in range(0, flat.shape[1], READ):
            rows = slice(start, start + READ)
            _forms(found[:, rows], flat[read, rows], *coefficients)
        return found.reshape(len(self.classes), *maps.shape[1:])

    def _coefficients(self) -> tuple[np.ndarray, ...]:
        """float32: mean (f,), 1 / scale (f,), form (K, f, f), linear (K, f), intercept (K,)."""
        at = columns_of_features(self.design)
        parts = (
            *(self.design.mean[at], 1.0 / self.design.scale[at]),
            *(self.form, self.linear, self.intercept),
        )
        return tuple(np.ascontiguousarray(part, np.float32) for part in parts)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in _KEPT}

    def to_json(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "design": self.design.to_json()}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], kept: Mapping[str, Any]) -> Self:
        """The model of `arrays()` and `to_json()`, to the bit."""
        return cls(
            **{name: np.array(arrays[name], np.float64) for name in _KEPT},
            design=StandardDesign.of_json(kept["design"]),
            classes=tuple(kept["classes"]),
        )

    def sha256(self) -> str:
        """Of form, linear, intercept and thresholds as little-endian float64, rows first."""
        content = sha256()
        for array in self.arrays().values():
            content.update(np.ascontiguousarray(array, "<f8").tobytes())
        return content.hexdigest()


@compiled
def _forms(
    found: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    form: np.ndarray,
    linear: np.ndarray,
    intercept: np.ndarray,
) -> None:
    """Writes z' form z + linear' z + intercept, z = (x - mean) inverse, of m voxels over found
    (K, m). x (f, m); the others as `_coefficients` gives them; all float32."""
    features, voxels = x.shape
    z, sums = np.empty((features, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    for start in range(0, voxels, BLOCK):
        size = min(BLOCK, voxels - start)
        for u in range(features):
            values, own, m, s = x[u, start : start + size], z[u, :size], mean[u], inverse[u]
            for v in range(size):
                own[v] = (values[v] - m) * s
        for k in range(intercept.size):
            logits, sum_ = found[k, start : start + size], sums[:size]
            logits[:] = intercept[k]
            for u in range(features):
                sum_[:] = linear[k, u]
                q, j = form[k, u], u
                while j + 4 <= features:  # four at a time: the sums are loaded once for all
                    z0, z1, z2, z3 = z[j, :size], z[j + 1, :size], z[j + 2, :size], z[j + 3, :size]
                    q0, q1, q2, q3 = q[j], q[j + 1], q[j + 2], q[j + 3]
                    for v in range(size):
                        sum_[v] += q0 * z0[v] + q1 * z1[v] + q2 * z2[v] + q3 * z3[v]
                    j += 4
                while j < features:
                    last, q0 = z[j, :size], q[j]
                    for v in range(size):
                        sum_[v] += q0 * last[v]
                    j += 1
                own = z[u, :size]
                for v in range(size):
                    logits[v] += own[v] * sum_[v]
