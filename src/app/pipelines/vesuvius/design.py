"""The columns a linear model sees: features, their squares and their gradients, standardised.

p = sigma(X w + X^2 alpha + G beta + b): X the standardised features, X^2 their squares, G the
gradient magnitudes of the same feature maps, "gradient of ..."; each column then has mean 0 and
standard deviation 1 over the training rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from app.config.vesuvius.features import Design
from app.errors import InputError
from app.pipelines.vesuvius.rows import Rows

GRADIENT = "gradient of "  # how the name of a gradient's map begins
BLOCK = 8192  # rows


@dataclass(frozen=True)
class StandardDesign:
    """Which features become which columns, in the order: features, their squares, gradients.

    A square is of the standardised feature z = (x - mean) / scale, so that it is not the feature
    over again; its own mean and scale are those of z^2.
    """

    feature_index: tuple[int, ...]  # of the F maps: base maps, then (with gradient) gradients
    names: tuple[str, ...]  # of the F maps
    square: bool
    gradient: bool
    mean: np.ndarray  # (d,) float64
    scale: np.ndarray  # (d,) float64, > 0
    columns: tuple[str, ...]  # d names, e.g. "gaussian s=2", "(gaussian s=2)^2"

    @property
    def base(self) -> tuple[int, ...]:
        """The maps that are not gradients of maps."""
        return tuple(at for at in self.feature_index if not self.names[at].startswith(GRADIENT))

    @property
    def gradients(self) -> tuple[int, ...]:
        return self.feature_index[len(self.base) :]

    def matrix(self, features: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
        """The design of rows: (n, F) raw features to (n, d), standardised, C order.

        Raises:
            InputError: the rows have another number of features.
        """
        if features.shape[1] != len(self.names):
            raise InputError(
                f"{features.shape[1]} features were computed, the design is of {len(self.names)}: "
                "prepare and train again with the same features group"
            )
        matrix = np.empty((len(features), len(self.columns)), dtype)
        for start in range(0, len(features), BLOCK):
            rows = slice(start, start + BLOCK)
            matrix[rows] = (self._raw(features[rows]) - self.mean) / self.scale
        return matrix

    def _raw(self, features: np.ndarray) -> np.ndarray:
        base = list(self.base)
        x = features[:, base].astype(np.float64)
        parts = [x]
        if self.square:
            parts.append(((x - self.mean[: len(base)]) / self.scale[: len(base)]) ** 2)
        parts.append(features[:, list(self.gradients)].astype(np.float64))
        return np.hstack(parts)

    def to_json(self) -> dict[str, Any]:
        return {
            "feature_index": list(self.feature_index),
            "names": list(self.names),
            "square": self.square,
            "gradient": self.gradient,
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "columns": list(self.columns),
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        """The design `to_json` gave, to the bit."""
        return cls(
            feature_index=tuple(kept["feature_index"]),
            names=tuple(kept["names"]),
            square=kept["square"],
            gradient=kept["gradient"],
            mean=np.array(kept["mean"], np.float64),
            scale=np.array(kept["scale"], np.float64),
            columns=tuple(kept["columns"]),
        )


def fit_design(rows: Rows, config: Design) -> StandardDesign:
    """Chooses the features and learns mean and scale of each column.

    Of the base maps those of the largest variance are taken, at most `max_features`, none whose
    correlation with one already taken is above `max_correlation`; their gradients come with them.
    Maps that are the same everywhere are left out.

    Raises:
        InputError: a feature is not finite, or none varies.
    """
    moments = _moments(rows)
    base = _chosen(rows, config, moments)
    wanted = {GRADIENT + rows.names[at] for at in base} if config.gradient else set()
    gradients = [at for at, name in enumerate(rows.names) if name in wanted and moments.varies(at)]
    index = [*base, *gradients]
    mean, scale = moments.mean[index], moments.scale[index]
    columns = [rows.names[at] for at in index]
    if config.square:
        b = len(base)
        z2_mean, z2_scale = _of_squares(rows.features[:, base], mean[:b], scale[:b])
        mean, scale = (np.insert(old, b, new) for old, new in ((mean, z2_mean), (scale, z2_scale)))
        columns[b:b] = [f"({name})^2" for name in columns[:b]]
    return StandardDesign(
        feature_index=tuple(index),
        names=rows.names,
        square=config.square,
        gradient=config.gradient,
        mean=mean,
        scale=scale,
        columns=tuple(columns),
    )


@dataclass(frozen=True)
class _Moments:
    mean: np.ndarray  # (F,)
    scale: np.ndarray  # (F,)

    def varies(self, at: int) -> bool:
        return bool(self.scale[at] > 1e-7 * abs(self.mean[at]))  # more than float32 rounds


def _moments(rows: Rows) -> _Moments:
    mean = rows.features.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        bad = [rows.names[at] for at in np.flatnonzero(~np.isfinite(mean))]
        raise InputError(f"features that are not finite numbers: {', '.join(bad)}; prepare again")
    scale = np.sqrt(_mean_square(rows.features, mean))
    return _Moments(mean, scale)


def _mean_square(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    total = np.zeros(len(mean))
    for start in range(0, len(features), BLOCK):
        total += np.square(features[start : start + BLOCK] - mean).sum(axis=0)
    return total / max(len(features), 1)


def _chosen(rows: Rows, config: Design, moments: _Moments) -> list[int]:
    """Base maps in the order of the features."""
    base = [
        at
        for at, name in enumerate(rows.names)
        if not name.startswith(GRADIENT) and moments.varies(at)
    ]
    if not base:
        raise InputError("no feature varies between the sampled voxels: is the image empty?")
    if config.max_features is None and config.max_correlation is None:
        return base
    standard = (rows.features[:, base] - moments.mean[base]) / moments.scale[base]
    correlation = np.abs(standard.T @ standard) / len(standard)
    taken: list[int] = []  # places in `base`
    for at in np.argsort(-moments.scale[base], kind="stable").tolist():
        if len(taken) == config.max_features:
            break
        if config.max_correlation is None or all(
            correlation[at, other] <= config.max_correlation for other in taken
        ):
            taken.append(at)
    return [base[at] for at in sorted(taken)]


def _of_squares(
    features: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of ((x - mean) / scale)^2; a square that does not vary has scale 1."""
    total, total_2 = np.zeros(len(mean)), np.zeros(len(mean))
    for start in range(0, len(features), BLOCK):
        square = ((features[start : start + BLOCK] - mean) / scale) ** 2 - 1.0
        total += square.sum(axis=0)
        total_2 += np.square(square).sum(axis=0)
    shift = total / len(features)
    spread = np.sqrt(np.maximum(total_2 / len(features) - shift**2, 0.0))
    return 1.0 + shift, np.where(spread > 1e-6, spread, 1.0)
