"""Paired tests against SciPy, and by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from app.pipelines.ideo.comparison import bootstrap_p, compare, holm, mcnemar_exact
from app.pipelines.ideo.intervals import Bootstrap


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 22), (700, 655), (20_000, 20_400)]
)
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    expected = binomtest(only_a, n, 0.5).pvalue if n else 1.0
    assert mcnemar_exact(only_a, only_b) == pytest.approx(expected, rel=1e-8)


def test_holm_by_hand() -> None:
    """Three tests: .01 * 3, then .03 * 2, then .04 * 1, which may not fall below .06."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_bootstrap_p_is_that_of_the_normal_distribution() -> None:
    replicates = np.random.default_rng(0).normal(0.05, 0.02, 100_000)
    assert bootstrap_p(0.04, replicates) == pytest.approx(2 * norm.sf(2.0), rel=0.02)
    assert bootstrap_p(0.0, replicates) == 1.0
    assert bootstrap_p(0.5, np.full(100, 0.5)) == 1.0  # one group: nothing varies


def test_a_better_classifier_is_found_and_equals_are_not() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 400)

    def right(share: float) -> np.ndarray:
        return np.where(generator.random(400) < share, truth, 1 - truth)

    good, poor = right(0.9), right(0.7)
    pairs = [("good", "poor"), ("good", "same")]
    known = {"good": good, "poor": poor, "same": good.copy()}
    better, equal = compare(truth, known, pairs, 2, Bootstrap(500, 0.95, (1,)))
    assert better["bootstrap_p_holm"] < 0.01
    assert better["mcnemar_p_holm"] < 0.01
    assert better["interval"][0] < better["macro_f1_difference"] < better["interval"][1]
    assert better["only_a_right"] == int(((good == truth) & (poor != truth)).sum())
    assert (equal["macro_f1_difference"], equal["bootstrap_p"], equal["mcnemar_p"]) == (
        0.0,
        1.0,
        1.0,
    )


def test_null_p_values_are_uniform_enough() -> None:
    """Two equally good classifiers, 200 times: at the 5 % level about 5 % are called different
    (standard error 1.5 points; accepted: at most 10 %)."""
    generator = np.random.default_rng(1)
    called = 0
    for repeat in range(200):
        truth = generator.integers(0, 2, 300)
        a, b = (np.where(generator.random(300) < 0.8, truth, 1 - truth) for _ in range(2))
        (pair,) = compare(truth, {"a": a, "b": b}, [("a", "b")], 2, Bootstrap(200, 0.95, (repeat,)))
        called += pair["bootstrap_p"] < 0.05
    assert called <= 20
