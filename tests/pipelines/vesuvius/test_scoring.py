import numpy as np
import pytest
from plain import made, sigmoid

from app.config.vesuvius.training import Training
from app.errors import ConfigError
from app.pipelines.vesuvius.scoring import prune, scanned, score, score_of

THRESHOLDS = (0.35, 0.60, 0.01)


@pytest.fixture
def fits() -> dict[str, np.ndarray]:
    X, Y = made(9000, 6, classes=2)
    rng = np.random.default_rng(1)
    W = rng.standard_normal((6, 5 * 2)) * 0.5
    W[rng.random(W.shape) < 0.3] = 0.0
    return {
        "X": X,
        "Y": Y,
        "W": W,
        "b": rng.standard_normal(10) * 0.3,
        "l1": np.array([1e-3, 1e-2, 1e-1, 0.0, 1.0]),
        "l2": np.array([1e-1, 1e-2, 1e-3, 1.0, 0.0]),
    }


def by_hand(fits: dict[str, np.ndarray], c: int) -> dict[str, object]:
    """Scored by scikit-learn's measures, one threshold at a time."""
    from sklearn.metrics import f1_score, fbeta_score, jaccard_score, log_loss

    found: dict[str, list[float]] = {name: [] for name in ("t", "f1", "f_half", "iou", "ce")}
    regs, zeros = [], []
    for k in range(2):
        w, y = fits["W"][:, 2 * c + k], fits["Y"][:, k]
        p = sigmoid(fits["X"] @ w + fits["b"][2 * c + k])
        best = (-1.0, ())
        for t in np.round(np.arange(0.35, 0.605, 0.01), 2):
            q = p >= t
            f1 = f1_score(y, q, zero_division=0)
            f_half = fbeta_score(y, q, beta=0.5, zero_division=0)
            iou = jaccard_score(y, q, zero_division=0)
            gain = 0.20 * f1 + 0.15 * f_half + 0.10 * iou
            if gain > best[0]:
                best = (gain, (t, f1, f_half, iou))
        for name, value in zip(("t", "f1", "f_half", "iou"), best[1], strict=True):
            found[name].append(value)
        found["ce"].append(log_loss(y, p))
        regs.append(fits["l1"][c] * np.abs(w).sum() + 0.5 * fits["l2"][c] * np.square(w).sum())
        zeros.append((w == 0).mean())
    mean = {name: np.mean(values) for name, values in found.items()}
    total = mean["ce"] + 0.02 * (1 - np.mean(zeros)) + 0.005 * np.mean(regs)
    total -= 0.20 * mean["f1"] + 0.15 * mean["f_half"] + 0.10 * mean["iou"]
    return {**found, "score": total, "sparsity": np.mean(zeros), "penalty": np.mean(regs)}


@pytest.mark.parametrize("c", range(5))
def test_scores_are_those_by_hand(fits: dict[str, np.ndarray], c: int) -> None:
    found = score(fits["X"], fits["Y"], fits["W"], fits["b"], (fits["l1"], fits["l2"]), THRESHOLDS)
    expected = by_hand(fits, c)
    np.testing.assert_allclose(found.thresholds[c], expected["t"], atol=1e-12)
    np.testing.assert_allclose(found.f1[c], expected["f1"], atol=1e-12)
    np.testing.assert_allclose(found.f_half[c], expected["f_half"], atol=1e-12)
    np.testing.assert_allclose(found.iou[c], expected["iou"], atol=1e-12)
    assert found.cross_entropy[c] == pytest.approx(np.mean(expected["ce"]), abs=1e-12)
    assert found.sparsity[c] == pytest.approx(expected["sparsity"])
    assert found.penalty[c] == pytest.approx(expected["penalty"])
    assert found.score[c] == pytest.approx(expected["score"], abs=1e-12)
    assert found.of(c)["score"] == found.score[c]
    assert found.of(c)["f1"] == pytest.approx(np.mean(expected["f1"]))


def test_a_candidate_scores_the_same_in_any_company(fits: dict[str, np.ndarray]) -> None:
    X, Y, W, b = (fits[name] for name in ("X", "Y", "W", "b"))
    together = score(X, Y, W, b, (fits["l1"], fits["l2"]), THRESHOLDS)
    alone = score(X, Y, W[:, 4:6], b[4:6], (fits["l1"][2:3], fits["l2"][2:3]), THRESHOLDS)
    assert alone.score[0] == pytest.approx(together.score[2], abs=1e-13)
    assert alone.thresholds[0].tolist() == together.thresholds[2].tolist()


def test_a_row_at_the_threshold_is_of_the_class() -> None:
    X, Y = np.zeros((4, 1)), np.array([[1], [1], [1], [0]], np.uint8)
    one = (np.zeros(1), np.zeros(1))
    found = score(X, Y, np.zeros((1, 1)), np.zeros(1), one, (0.5, 0.6, 0.1))
    assert found.thresholds[0, 0] == 0.5
    assert found.f1[0, 0] == pytest.approx(2 * 3 / (2 * 3 + 1))
    found = score(X, Y, np.zeros((1, 1)), np.zeros(1), one, (0.51, 0.6, 0.01))
    assert found.f1[0, 0] == 0.0


def test_a_class_that_is_nowhere_counts_nothing() -> None:
    X, Y = np.ones((4, 1)), np.zeros((4, 1), np.uint8)
    found = score(X, Y, np.full((1, 1), -9.0), np.zeros(1), (np.zeros(1), np.zeros(1)), THRESHOLDS)
    assert (found.f1[0, 0], found.f_half[0, 0], found.iou[0, 0]) == (0.0, 0.0, 0.0)


def test_scanned_thresholds_include_the_last() -> None:
    tried = scanned(THRESHOLDS)
    assert tried.tolist() == [round(0.35 + 0.01 * at, 2) for at in range(26)]
    assert scanned((0.5, 0.5, 0.1)).tolist() == [0.5]


@pytest.mark.parametrize("thresholds", [(0.6, 0.3, 0.01), (0.3, 0.6, 0.0), (0.3, 0.6, -0.1)])
def test_thresholds_that_do_not_rise_are_refused(thresholds: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match=r"training\.thresholds"):
        scanned(thresholds)


def test_the_smallest_weights_of_each_column_are_pruned() -> None:
    W = np.array([[0.1, -8.0], [-0.2, 7.0], [0.3, 6.0], [-0.4, -5.0]])
    np.testing.assert_array_equal(prune(W, 0.25)[:, 0], [0.0, -0.2, 0.3, -0.4])
    np.testing.assert_array_equal(prune(W, 0.5)[:, 1], [-8.0, 7.0, 0.0, 0.0])
    np.testing.assert_array_equal(prune(W, 0.0), W)
    assert prune(W.astype("f4"), 0.5).dtype == np.float32


def test_what_is_scored_is_what_is_pruned(fits: dict[str, np.ndarray]) -> None:
    X, Y, W, b = (fits[name] for name in ("X", "Y", "W", "b"))
    penalties = (fits["l1"], fits["l2"])
    pruned, found = score_of(Training(prune_quantile=0.5), (X, Y), (W, b), penalties)
    assert pruned.tobytes() == prune(W, 0.5).tobytes()
    assert found.score.tolist() == score(X, Y, pruned, b, penalties, THRESHOLDS).score.tolist()
    assert (found.sparsity >= 0.5).all()
