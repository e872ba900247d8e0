"""From feature maps to the probabilities of every voxel.

A volume is read in blocks along z, so that only one block of its F feature maps is in memory.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from app.errors import InputError

if TYPE_CHECKING:
    from app.datasets.volume import FeatureVolume

BLOCK = 16  # slices along z


class VoxelModel(Protocol):
    """What is asked of a model: the linear one, or any other beside which it is judged."""

    @property
    def classes(self) -> tuple[str, ...]:
        """K names; the class code of the k-th is k + 1."""

    @property
    def thresholds(self) -> np.ndarray:
        """(K,): a voxel is of a class at this probability or above."""

    def probabilities(self, maps: np.ndarray) -> np.ndarray:
        """(F, ...) float32 feature maps -> (K, ...) float32, each in 0 to 1."""


def voxel_probabilities(
    model: VoxelModel, volume: "FeatureVolume", block: int = BLOCK
) -> np.ndarray:
    """Probabilities (K, z, y, x) float32 of a whole volume."""
    whole = np.empty((len(model.classes), *volume.maps.shape[1:]), dtype=np.float32)
    for slices, found in probability_blocks(model, volume, block):
        whole[:, slices] = found
    return whole


def probability_blocks(
    model: VoxelModel, volume: "FeatureVolume", block: int = BLOCK
) -> Iterator[tuple[slice, np.ndarray]]:
    """Slices along z and their probabilities (K, dz, y, x), in order; `block` slices at a time.

    Raises InputError where the model gives what is no probability: its features are not those of
    this volume, or hold what is no number.
    """
    depth = volume.maps.shape[1]
    for start in range(0, depth, block):
        slices = slice(start, min(start + block, depth))
        found = model.probabilities(np.ascontiguousarray(volume.maps[:, slices], dtype=np.float32))
        if not (found.min() >= 0.0 and found.max() <= 1.0):  # NaN fails both
            raise InputError(
                f"{volume.volume.name}: slices {slices.start} to {slices.stop - 1} have "
                "probabilities outside 0 to 1; compute its features again"
            )
        yield slices, found
