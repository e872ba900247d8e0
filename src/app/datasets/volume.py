"""A volume of voxels, and the feature maps of one. Every axis order is (z, y, x), z the slices."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Volume:
    """An image, and what people said of its voxels."""

    name: str  # file stem; unique
    role: str  # "train" | "validation" | "test"
    image: np.ndarray  # (z, y, x), may be a memmap
    labels: np.ndarray | None  # (z, y, x) integer values as in the files; None: not labelled
    file_name: str  # name in the submission, e.g. "scroll3.tif"


@dataclass(frozen=True)
class MapStatistics:
    """Of all voxels of one feature map."""

    minimum: float
    maximum: float
    mean: float
    std: float


@dataclass(frozen=True)
class FeatureVolume:
    """The feature maps of a volume."""

    volume: Volume
    maps: np.ndarray  # (F, z, y, x) float32, memmap
    names: tuple[str, ...]  # of the F maps, e.g. "gaussian s=2", "hessian1 s=2", "coordinate z"
    statistics: tuple[MapStatistics, ...] = ()  # of the F maps
