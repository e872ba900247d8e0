"""From maps to probabilities: the same in any blocks."""

from dataclasses import dataclass

import numpy as np
import pytest

from app.datasets.volume import FeatureVolume, Volume
from app.errors import InputError
from app.pipelines.vesuvius.segmentation import probability_blocks, voxel_probabilities


@dataclass(frozen=True)
class FirstMaps:
    """A model whose probabilities are the first maps themselves."""

    thresholds: np.ndarray
    classes: tuple[str, ...] = ("front", "back")

    def probabilities(self, maps: np.ndarray) -> np.ndarray:
        assert maps.dtype == np.float32
        assert maps.flags.c_contiguous
        return maps[: len(self.classes)]


def volume(maps: np.ndarray) -> FeatureVolume:
    image = np.zeros(maps.shape[1:], dtype=np.float32)
    bare = Volume(name="scroll3", role="test", image=image, labels=None, file_name="scroll3.tif")
    return FeatureVolume(volume=bare, maps=maps, names=tuple(f"m{i}" for i in range(len(maps))))


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_blocks_change_nothing(block: int) -> None:
    maps = np.random.default_rng(1).random((3, 7, 4, 5)).astype(np.float32)
    model, whole = FirstMaps(np.array([0.5, 0.4])), volume(maps)
    assert np.array_equal(voxel_probabilities(model, whole, block), maps[:2])
    seen = [slices for slices, _ in probability_blocks(model, whole, block)]
    assert [place for slices in seen for place in range(slices.start, slices.stop)] == [*range(7)]


@pytest.mark.parametrize("bad", [np.nan, 1.5, -0.1])
def test_what_is_no_probability_is_refused_with_its_place(bad: float) -> None:
    maps = np.full((2, 6, 2, 2), 0.5, dtype=np.float32)
    maps[1, 5, 0, 1] = bad
    with pytest.raises(InputError, match="scroll3: slices 4 to 5"):
        voxel_probabilities(FirstMaps(np.array([0.5, 0.5])), volume(maps), block=2)
