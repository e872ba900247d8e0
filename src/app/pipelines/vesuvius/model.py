"""The model a training gives: one logistic regression a class, with the design folded in.

Predicting never builds the (n, d) design: a feature x adds z (w + alpha' z), z = (x - mean) /
scale, to the logits of a block of voxels that stays in cache; float32 throughout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np

from app.errors import InputError
from app.pipelines.vesuvius import logistic
from app.pipelines.vesuvius.design import StandardDesign

BLOCK = 8192  # voxels: some tens of features of them fit the second-level cache


@dataclass(frozen=True)
class LinearModel:
    """Weights of the standardised design, and the decision thresholds that were found best."""

    weights: np.ndarray  # (d, K) float64
    intercept: np.ndarray  # (K,) float64
    thresholds: np.ndarray  # (K,) float64: of the class at or above it
    design: StandardDesign
    classes: tuple[str, ...]

    def probabilities(self, maps: np.ndarray) -> np.ndarray:
        """Of each class: feature maps (F, ...) float32 to (K, ...) float32.

        Raises:
            InputError: another number of maps than the design is of.
        """
        if len(maps) != len(self.design.names):
            raise InputError(
                f"{len(maps)} feature maps were computed, the model is of "
                f"{len(self.design.names)}: prepare and train again with the same features group"
            )
        folded = _fold(self.weights, self.intercept, self.design)
        flat = np.asarray(maps, np.float32).reshape(len(maps), -1)  # a view: nothing is read yet
        found = np.empty((len(self.classes), flat.shape[1]), np.float32)
        for start in range(0, flat.shape[1], BLOCK):
            rows = slice(start, start + BLOCK)
            found[:, rows] = logistic.of_features(flat[folded.maps, rows], *folded.coefficients)
        return found.reshape(len(self.classes), *maps.shape[1:])

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "weights": self.weights,
            "intercept": self.intercept,
            "thresholds": self.thresholds,
        }

    def to_json(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "design": self.design.to_json()}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], kept: Mapping[str, Any]) -> Self:
        """The model of `arrays()` and `to_json()`, to the bit."""
        return cls(
            weights=np.array(arrays["weights"], np.float64),
            intercept=np.array(arrays["intercept"], np.float64),
            thresholds=np.array(arrays["thresholds"], np.float64),
            design=StandardDesign.of_json(kept["design"]),
            classes=tuple(kept["classes"]),
        )

    def sha256(self) -> str:
        """Of weights, intercept and thresholds as little-endian float64, rows first."""
        content = sha256()
        for array in (self.weights, self.intercept, self.thresholds):
            content.update(np.ascontiguousarray(array, "<f8").tobytes())
        return content.hexdigest()


@dataclass(frozen=True)
class _Folded:
    """sum over u features of z (linear + square z), plus the intercept."""

    maps: np.ndarray  # (u,) which maps are read: those with any weight
    coefficients: tuple[np.ndarray, ...]  # float32: mean (u,), 1 / scale (u,), linear (u, K),
    # square (u, K), intercept (K,)


def _fold(weights: np.ndarray, intercept: np.ndarray, design: StandardDesign) -> _Folded:
    b, f, d = len(design.base), len(design.feature_index), len(design.columns)
    of_features = [*range(b), *range(d - (f - b), d)]
    linear = weights[of_features]
    square = np.zeros_like(linear)
    constant = intercept
    if design.square:
        of_squares = slice(b, 2 * b)
        square[:b] = weights[of_squares] / design.scale[of_squares, None]
        constant = constant - design.mean[of_squares] @ square[:b]
    used = np.flatnonzero((linear != 0.0).any(axis=1) | (square != 0.0).any(axis=1))
    mean, scale = design.mean[of_features][used], design.scale[of_features][used]
    parts = (mean, 1.0 / scale, linear[used], square[used], constant)
    return _Folded(
        maps=np.array(design.feature_index, np.intp)[used],
        coefficients=tuple(np.ascontiguousarray(part, np.float32) for part in parts),
    )
