"""From maps to class codes: the same in any blocks, decided at the thresholds."""

from dataclasses import dataclass

import numpy as np
import pytest

from app.datasets.volume import FeatureVolume, Volume
from app.errors import InputError
from app.pipelines.vesuvius.segmentation import (
    decide,
    probability_blocks,
    segment,
    voxel_probabilities,
)


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


def test_decided_at_the_threshold_by_the_larger_probability() -> None:
    probabilities = np.array(
        [[0.39, 0.40, 0.70, 0.70, 0.70, 0.45], [0.49, 0.10, 0.49, 0.60, 0.70, 0.80]],
        dtype=np.float32,
    )
    codes = decide(probabilities, np.array([0.40, 0.50]))
    assert codes.dtype == np.uint8
    assert codes.tolist() == [0, 1, 1, 1, 1, 2]


def test_a_class_below_its_threshold_does_not_win_by_being_larger() -> None:
    probabilities = np.array([[0.40], [0.55]], dtype=np.float32)
    assert decide(probabilities, np.array([0.35, 0.60])).tolist() == [1]


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_blocks_change_nothing(block: int) -> None:
    maps = np.random.default_rng(1).random((3, 7, 4, 5)).astype(np.float32)
    model, whole = FirstMaps(np.array([0.5, 0.4])), volume(maps)
    assert np.array_equal(voxel_probabilities(model, whole, block), maps[:2])
    assert np.array_equal(segment(model, whole, block), decide(maps[:2], model.thresholds))
    seen = [slices for slices, _ in probability_blocks(model, whole, block)]
    assert [place for slices in seen for place in range(slices.start, slices.stop)] == [*range(7)]


@pytest.mark.parametrize("bad", [np.nan, 1.5, -0.1])
def test_what_is_no_probability_is_refused_with_its_place(bad: float) -> None:
    maps = np.full((2, 6, 2, 2), 0.5, dtype=np.float32)
    maps[1, 5, 0, 1] = bad
    with pytest.raises(InputError, match="scroll3: slices 4 to 5"):
        segment(FirstMaps(np.array([0.5, 0.5])), volume(maps), block=2)
