"""SurfaceDice against hand-made voxels and a distance transform."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from app.pipelines.vesuvius.surface import ball, surface, surface_dice

SHAPE = (9, 9, 9)
ALL = np.ones(SHAPE, dtype=bool)


def voxels(*places: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for place in places:
        mask[place] = True
    return mask


@pytest.mark.parametrize(
    ("moved", "score"),
    [
        ((4, 4, 4), 1.0),
        ((6, 4, 4), 1.0),  # 2 voxels away
        ((5, 5, 5), 1.0),  # 1.73
        ((5, 6, 4), 0.0),  # 2.24
        ((7, 4, 4), 0.0),
    ],
)
def test_one_voxel_moved(moved: tuple[int, int, int], score: float) -> None:
    assert surface_dice(voxels((4, 4, 4)), voxels(moved), ALL, tolerance=2.0) == score


def test_the_share_of_both_surfaces_by_hand() -> None:
    found, there = voxels((4, 4, 1)), voxels((4, 4, 1), (4, 4, 7))
    assert surface_dice(found, there, ALL, 2.0) == pytest.approx(2 / 3)


def test_the_inside_of_a_box_is_no_surface() -> None:
    box = np.zeros(SHAPE, dtype=bool)
    box[2:7, 2:7, 2:7] = True
    assert surface(box, ALL).sum() == 5**3 - 3**3


def test_a_sheet_cut_by_the_edge_of_the_volume_has_no_surface_there() -> None:
    half = np.zeros(SHAPE, dtype=bool)
    half[:4] = True
    assert np.array_equal(np.argwhere(surface(half, ALL).any(axis=(1, 2))).ravel(), [3])


def test_where_labels_end_there_is_no_surface_and_nothing_counts() -> None:
    there = np.zeros(SHAPE, dtype=bool)
    there[:4] = True
    counted = ALL.copy()
    counted[4:] = False
    counted[:, :2] = False
    anything = np.random.default_rng(3).random(SHAPE) < 0.5
    found = np.where(counted, there, anything)
    found[3, 3, 3] = False
    assert surface(there, counted).sum() == 0
    assert surface_dice(there, there ^ (anything & ~counted), counted, 2.0) == 1.0
    assert surface_dice(found, there, counted, 2.0) == 0.0  # a hole, and no surface in the truth


def test_without_any_surface_equal_masks_score_1_and_others_0() -> None:
    nothing = ~ALL
    assert surface_dice(nothing, nothing, ALL, 2.0) == 1.0
    assert surface_dice(ALL, ALL, ALL, 2.0) == 1.0
    assert surface_dice(nothing, ALL, ALL, 2.0) == 0.0


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 1.5, 2.0, 3.0])
def test_equal_to_a_distance_transform(tolerance: float) -> None:
    random = np.random.default_rng(11)
    for share in (0.02, 0.3):
        found, there = (random.random((2, 12, 13, 14)) < share)[:2]
        counted = random.random(found.shape) < 0.9
        ours, theirs = surface(found, counted), surface(there, counted)
        near = np.count_nonzero(distance_transform_edt(~theirs)[ours] <= tolerance)
        near += np.count_nonzero(distance_transform_edt(~ours)[theirs] <= tolerance)
        expected = near / (ours.sum() + theirs.sum())
        assert surface_dice(found, there, counted, tolerance) == pytest.approx(expected, abs=1e-15)


def test_a_ball_of_2_voxels() -> None:
    assert ball(2.0).shape == (5, 5, 5)
    assert ball(2.0).sum() == 33
    assert ball(0.5).sum() == 1
