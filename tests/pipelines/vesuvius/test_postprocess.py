"""Hysteresis, closing and dust: by hand, and against scipy and scikit-image."""

import numpy as np
from scipy.ndimage import binary_closing
from skimage.filters import apply_hysteresis_threshold

from app.config.vesuvius.segmentation import Segmentation
from app.pipelines.vesuvius.postprocess import (
    close,
    components,
    hysteresis,
    postprocess,
    without_dust,
)

HALF = np.array([0.5])


def row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def test_a_component_grows_from_a_seed() -> None:
    found = hysteresis(row(0.45, 0.7, 0.45, 0.2, 0.5, 0.5, 0.3, 0.6), 0.5, 0.1)
    assert found.ravel().tolist() == [True, True, True, False, False, False, False, True]


def test_equal_to_scikit_image_where_corners_do_not_touch() -> None:
    random = np.random.default_rng(4)
    line = random.random((1, 1, 400))
    expected = apply_hysteresis_threshold(line, 0.4, 0.6)
    assert np.array_equal(hysteresis(line, 0.5, 0.1), expected)


def test_no_margin_is_the_threshold_itself_and_a_wide_one_is_kept_within_bounds() -> None:
    values = row(0.34, 0.35, 0.6)
    assert hysteresis(values, 0.35, 0.0).ravel().tolist() == [False, True, True]
    assert not hysteresis(row(0.1, 0.1), 0.35, 0.5).any()  # grows to 0.175, not to below 0
    assert hysteresis(row(0.9, 0.4, 0.1), 0.6, 0.5).ravel().tolist() == [True, True, False]


def test_closing_equals_scipy_far_from_the_edge() -> None:
    mask = np.random.default_rng(6).random((14, 16, 18)) < 0.04
    y, x = np.ogrid[-2:3, -2:3]
    cylinder = np.repeat((y * y + x * x <= 4)[None], 7, axis=0)
    far = 8
    expected = binary_closing(np.pad(mask, far), cylinder)[far:-far, far:-far, far:-far]
    closed = close(mask, 3, 2)
    assert np.array_equal(closed, expected)
    assert (closed >= mask).all()
    assert np.array_equal(close(closed, 3, 2), closed)


def test_closing_keeps_what_touches_the_faces_and_bridges_a_gap() -> None:
    mask = np.zeros((10, 5, 5), dtype=bool)
    mask[0], mask[5], mask[9, 0, 0] = True, True, True
    closed = close(mask, 2, 0)
    assert closed[:6].all()
    assert closed[9, 0, 0]
    assert closed[6:9].sum() == 3  # the column under the last voxel
    assert np.array_equal(close(mask, 0, 0), mask)


def test_dust_is_what_has_fewer_voxels() -> None:
    mask = row(*[1] * 23, 0, *[1] * 24, 0, 1).astype(bool)
    assert without_dust(mask, 24).ravel().tolist() == [False] * 24 + [True] * 24 + [False] * 2
    assert without_dust(mask, 0).sum() == mask.sum()
    diagonal = np.eye(3, dtype=bool)[None]
    assert without_dust(diagonal, 3).sum() == 3


def test_the_more_probable_class_has_the_voxel() -> None:
    settings = Segmentation(hysteresis=0.0, close_z=0, close_xy=0, min_voxels=0)
    probabilities = np.stack([row(0.6, 0.6, 0.9, 0.1), row(0.5, 0.8, 0.7, 0.1)])
    codes = postprocess(probabilities, np.array([0.5, 0.5]), settings)
    assert codes.dtype == np.uint8
    assert codes.ravel().tolist() == [1, 2, 1, 0]


def test_without_any_step_it_is_the_plain_decision() -> None:
    nothing = Segmentation(hysteresis=0.0, close_z=0, close_xy=0, min_voxels=0)
    probabilities = np.random.default_rng(9).integers(0, 9, (3, 5, 6, 7)).astype(np.float32) / 8
    thresholds = np.array([0.5, 0.35, 0.6])
    above = probabilities >= thresholds.astype(np.float32).reshape(-1, 1, 1, 1)
    largest = np.where(above, probabilities, -1.0).argmax(axis=0) + 1  # of equals the first
    expected = np.where(above.any(axis=0), largest, 0)
    assert np.array_equal(postprocess(probabilities, thresholds, nothing), expected)


def test_no_component_is_dust_even_where_another_class_cut_it() -> None:
    settings = Segmentation(hysteresis=0.0, close_z=0, close_xy=0, min_voxels=3)
    first = row(0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6)
    second = row(0.1, 0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1)
    codes = postprocess(np.stack([first, second]), np.array([0.5, 0.5]), settings)
    assert codes.ravel().tolist() == [0, 0, 2, 2, 2, 1, 1, 1]


def test_every_component_of_a_noisy_volume_is_large_enough_and_has_a_seed() -> None:
    random = np.random.default_rng(8)
    probabilities = random.random((2, 10, 20, 20)).astype(np.float32) ** 3
    settings = Segmentation(hysteresis=0.1, close_z=1, close_xy=1, min_voxels=9)
    codes = postprocess(probabilities, np.array([0.6, 0.5]), settings)
    for code in (1, 2):
        labels, count = components(codes == code)
        assert count > 0
        assert np.bincount(labels.ravel())[1:].min() >= 9


def test_nothing_found_is_an_empty_mask() -> None:
    assert not postprocess(np.zeros((1, 4, 4, 4), np.float32), HALF, Segmentation()).any()
