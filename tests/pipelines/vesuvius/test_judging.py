"""The scores of whole volumes, put together."""

import json

import numpy as np
import pytest

from app.config.vesuvius.segmentation import Judging
from app.errors import InputError
from app.pipelines.vesuvius.judging import MEANS, judge, mean_scores
from app.pipelines.vesuvius.overlap import truth_of

CLASSES = {"front": 1, "back": 2}


def labels() -> np.ndarray:
    codes = np.zeros((6, 12, 12), dtype=np.uint8)
    codes[1:5, 1:11, 1:5] = 1
    codes[1:5, 1:11, 7:11] = 2
    return codes


def test_the_truth_itself_is_perfect() -> None:
    scored = judge(labels(), truth_of(labels(), CLASSES, []), CLASSES, Judging())
    assert list(scored) == ["front", "back"]
    means = mean_scores([scored])
    assert set(means) == set(MEANS)
    assert (means.pop("voi_split"), means.pop("voi_merge")) == (0.0, 0.0)
    assert list(means.values()) == pytest.approx([1.0] * 9, abs=1e-12)


def test_the_parts_of_the_combined_score() -> None:
    mask = labels()
    mask[1:5, 5, 1:5] = 0  # the front class in two pieces, 4 voxels of each 10 rows lacking
    scored = judge(mask, truth_of(labels(), CLASSES, []), CLASSES, Judging())
    front, said = scored["front"], scored["front"].to_json()
    assert said["combined"] == pytest.approx(
        0.30 * said["topology"] + 0.35 * said["surface_dice"] + 0.35 * said["voi_score"]
    )
    assert said["topology"] == pytest.approx(2 / 3)  # 2 components for 1
    assert front.overlap.recall == pytest.approx(0.9)
    assert said["betti_found"] == {"components": 2, "tunnels": 0, "cavities": 0}
    assert scored["back"].combined == pytest.approx(1.0, abs=1e-12)
    assert json.loads(json.dumps(said)) == said


def test_means_are_over_volumes_and_classes() -> None:
    truth = truth_of(labels(), CLASSES, [])
    perfect = judge(labels(), truth, CLASSES, Judging())
    empty = judge(np.zeros_like(labels()), truth, CLASSES, Judging())
    half = judge(np.where(labels() == 1, 1, 0).astype(np.uint8), truth, CLASSES, Judging())
    assert mean_scores([perfect, empty])["dice"] == 0.5
    assert mean_scores([perfect, half])["dice"] == 0.75
    assert mean_scores([]) == {}


def test_a_volume_nobody_labelled_is_not_judged() -> None:
    truth = truth_of(np.full((2, 2, 2), 9), CLASSES, [9])
    assert judge(np.zeros((2, 2, 2), dtype=np.uint8), truth, CLASSES, Judging()) == {}


def test_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        judge(labels()[1:], truth_of(labels(), CLASSES, []), CLASSES, Judging())
