import numpy as np
import pytest
from plain import rows

from app.pipelines.vesuvius.forest import forest_of
from app.pipelines.vesuvius.rows import Samples


def samples(n: int = 1200, seed: int = 0) -> Samples:
    """Two classes that exclude one another, of a ring and a corner, in noise."""
    rng = np.random.default_rng(seed)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_normal((count, 3))
        ring = (np.hypot(x[:, 0], x[:, 1]) < 0.8) ^ (rng.random(count) < 0.1)
        corner = ~ring & (x[:, 2] > 1) & (rng.random(count) < 0.8)
        return x, np.stack([ring, corner], axis=1).astype(np.uint8)

    return Samples(
        rows(*drawn(n), ["a", "b", "c"]), rows(*drawn(500), ["a", "b", "c"]), np.empty((0, 3))
    )


def test_its_thresholds_are_the_best_of_those_scanned() -> None:
    from sklearn.metrics import f1_score, fbeta_score, jaccard_score

    made = samples()
    forest = forest_of(made, 10_000, (0.10, 0.90, 0.05), seed=0)
    p = forest.probabilities(made.validation.features.T)
    assert p.shape == (2, 500)
    for k in range(2):
        y = made.validation.target[:, k]

        def worth(t: float, k: int = k, y: np.ndarray = y) -> float:
            said = p[k] >= t
            overlap = 0.10 * jaccard_score(y, said) + 0.15 * fbeta_score(y, said, beta=0.5)
            return float(0.20 * f1_score(y, said) + overlap)

        tried = [round(0.10 + 0.05 * step, 2) for step in range(17)]
        assert forest.thresholds[k] in tried
        assert worth(forest.thresholds[k]) == pytest.approx(max(map(worth, tried)), abs=1e-12)


def test_probabilities_are_scikit_learns_in_the_shape_of_the_maps() -> None:
    made = samples()
    forest = forest_of(made, 10_000, (0.4, 0.6, 0.1), seed=0)
    maps = np.random.default_rng(1).standard_normal((3, 4, 5, 6)).astype(np.float32)
    told = forest.trees.predict_proba(maps.reshape(3, -1).T)
    np.testing.assert_allclose(
        forest.probabilities(maps), told[:, 1:].T.reshape(2, 4, 5, 6), atol=1e-6
    )


@pytest.mark.parametrize(("most", "rows_"), [(400, 400), (5000, 1200)])
def test_it_learns_from_as_many_rows_as_it_may(most: int, rows_: int) -> None:
    forest = forest_of(samples(), most, (0.5, 0.5, 0.1), seed=0)
    drawn = {tree.tree_.weighted_n_node_samples[0] for tree in forest.trees.estimators_}
    assert drawn == {rows_ / 2}  # each tree has half of them, with replacement
    assert forest.trees.n_jobs == 1
