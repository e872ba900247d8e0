"""Overlap scores against counts made by hand and against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, fbeta_score, jaccard_score, precision_score, recall_score

from app.errors import InputError
from app.pipelines.vesuvius.overlap import Overlap, Truth, overlap, truth_of


def row(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint8).reshape(1, 1, -1)


def all_counted(codes: np.ndarray) -> Truth:
    return Truth(codes=codes, counted=np.ones(codes.shape, dtype=bool))


def test_a_case_counted_by_hand() -> None:
    truth = all_counted(row(1, 1, 1, 1, 0, 0, 0, 0))
    scored = overlap(row(1, 1, 0, 0, 1, 0, 0, 0), truth, code=1, beta=0.5)
    assert scored.dice == pytest.approx(4 / 7)
    assert scored.iou == pytest.approx(2 / 5)
    assert scored.precision == pytest.approx(2 / 3)
    assert scored.recall == pytest.approx(1 / 2)
    assert scored.f_beta == pytest.approx(0.625)  # 1.25 (2/3)(1/2) / (0.25 (2/3) + 1/2)


def test_what_nobody_vouches_for_does_not_count() -> None:
    truth = truth_of(row(7, 7, 0, 2, 2), {"surface": 7}, ignore=[2])
    assert truth.codes.ravel().tolist() == [1, 1, 0, 0, 0]
    assert truth.counted.ravel().tolist() == [True, True, True, False, False]
    assert overlap(row(1, 1, 0, 1, 1), truth, 1, 0.5) == Overlap(1.0, 1.0, 1.0, 1.0, 1.0)


def test_classes_get_codes_in_their_order_and_a_class_may_have_the_value_zero() -> None:
    truth = truth_of(row(0, 255, 3), {"cell": 255, "membrane": 0}, ignore=[])
    assert truth.codes.ravel().tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("mask", "codes", "dice", "precision", "recall"),
    [
        (row(0, 0), row(0, 0), 1.0, 1.0, 1.0),
        (row(1, 0), row(0, 0), 0.0, 0.0, 0.0),
        (row(0, 0), row(1, 0), 0.0, 0.0, 0.0),
    ],
)
def test_empty_masks(
    mask: np.ndarray, codes: np.ndarray, dice: float, precision: float, recall: float
) -> None:
    scored = overlap(mask, all_counted(codes), 1, 0.5)
    assert (scored.dice, scored.iou, scored.f_beta) == (dice, dice, dice)
    assert (scored.precision, scored.recall) == (precision, recall)


def test_equal_to_scikit_learn_on_random_masks() -> None:
    random = np.random.default_rng(5)
    for beta in (0.5, 1.0, 2.0):
        labels = random.integers(0, 4, size=(4, 5, 6))
        mask = random.integers(0, 3, size=labels.shape).astype(np.uint8)
        truth = truth_of(labels, {"one": 1, "two": 2}, ignore=[3])
        ours = mask[labels != 3].ravel()
        theirs = labels[labels != 3].ravel()
        for code in (1, 2):
            scored = overlap(mask, truth, code, beta)
            true, found = theirs == code, ours == code
            assert scored.dice == pytest.approx(f1_score(true, found), abs=1e-12)
            assert scored.iou == pytest.approx(jaccard_score(true, found), abs=1e-12)
            assert scored.f_beta == pytest.approx(fbeta_score(true, found, beta=beta), abs=1e-12)
            assert scored.precision == pytest.approx(precision_score(true, found), abs=1e-12)
            assert scored.recall == pytest.approx(recall_score(true, found), abs=1e-12)


def test_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 1, 2\).*\(1, 1, 3\)"):
        overlap(row(1, 0), all_counted(row(1, 0, 0)), 1, 0.5)
