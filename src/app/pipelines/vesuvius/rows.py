"""Sampled voxels: what the linear models of the study are fitted to and judged by."""

from dataclasses import dataclass

import numpy as np

from app.datasets.arrays import Arrays


@dataclass(frozen=True)
class Rows:
    """n labelled voxels with F features and K classes. A voxel of no class is background."""

    features: np.ndarray  # (n, F) float32, raw: not standardised
    target: np.ndarray  # (n, K) uint8, one-hot; all 0: background
    volume: np.ndarray  # (n,) int32: index of the volume a voxel is of
    names: tuple[str, ...]  # of the F features
    classes: tuple[str, ...]  # of the K columns of the target


@dataclass(frozen=True)
class Samples:
    """What one set of volumes gives to a training."""

    train: Rows  # shuffled once
    validation: Rows  # in their natural proportions
    unlabelled: np.ndarray  # (m, F) float32, for distillation only


def samples_to_arrays(samples: Samples) -> Arrays:
    """As they are kept on disk."""
    sides = {"train": samples.train, "validation": samples.validation}
    arrays = {
        f"{side}_{part}": getattr(rows, part)
        for side, rows in sides.items()
        for part in ("features", "target", "volume")
    }
    about = {"names": list(samples.train.names), "classes": list(samples.train.classes)}
    return Arrays({**arrays, "unlabelled": samples.unlabelled}, about)


def samples_of(kept: Arrays) -> Samples:
    """What `samples_to_arrays` kept."""
    names, classes = tuple(kept.about["names"]), tuple(kept.about["classes"])

    def rows(side: str) -> Rows:
        parts = {part: kept.arrays[f"{side}_{part}"] for part in ("features", "target", "volume")}
        return Rows(**parts, names=names, classes=classes)

    return Samples(rows("train"), rows("validation"), kept.arrays["unlabelled"])
