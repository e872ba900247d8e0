import json

import numpy as np
import pytest
from plain import rows

from app.config.vesuvius.features import Design
from app.errors import InputError
from app.pipelines.vesuvius.design import StandardDesign, fit_design
from app.pipelines.vesuvius.rows import Rows

NAMES = ["gaussian s=1", "gaussian s=2", "gradient of gaussian s=1", "gradient of gaussian s=2"]


def sampled(n: int = 9000, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, 4)) * [3.0, 1.0, 0.5, 2.0] + [1000.0, -2.0, 5.0, 0.0]
    return rows(features, np.zeros((n, 1), np.uint8), NAMES)


def test_columns_are_features_their_squares_and_their_gradients_in_order() -> None:
    design = fit_design(sampled(), Design())
    assert design.columns == (
        "gaussian s=1",
        "gaussian s=2",
        "(gaussian s=1)^2",
        "(gaussian s=2)^2",
        "gradient of gaussian s=1",
        "gradient of gaussian s=2",
    )
    X = design.matrix(sampled().features)
    x = sampled().features.astype(float)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    expected = np.hstack([z[:, :2], z[:, :2] ** 2, z[:, 2:]])
    expected[:, 2:4] = (expected[:, 2:4] - expected[:, 2:4].mean(0)) / expected[:, 2:4].std(0)
    np.testing.assert_allclose(X, expected, atol=1e-9)
    assert X.flags.c_contiguous
    assert design.matrix(sampled().features, np.float32).dtype == np.float32


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (Design(square=False), 4),
        (Design(gradient=False), 4),
        (Design(square=False, gradient=False), 2),
    ],
)
def test_parts_can_be_left_out(config: Design, count: int) -> None:
    design = fit_design(sampled(), config)
    X = design.matrix(sampled().features)
    assert X.shape == (9000, count)
    assert len(design.columns) == len(design.mean) == len(design.scale) == count
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-9)


def test_the_features_of_the_largest_variance_stay_with_their_gradients() -> None:
    design = fit_design(sampled(), Design(max_features=1))
    assert design.columns == ("gaussian s=1", "(gaussian s=1)^2", "gradient of gaussian s=1")


def test_of_two_correlated_features_the_larger_stays() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 5000))
    features = np.stack([a, 2 * a + 0.1 * b, b], axis=1)
    made = rows(features, np.zeros((5000, 1), np.uint8), ["a", "b", "c"])
    config = Design(square=False, max_correlation=0.97)
    assert fit_design(made, config).columns == ("b", "c")
    assert fit_design(made, Design(square=False)).columns == ("a", "b", "c")


def test_maps_that_are_the_same_everywhere_are_left_out() -> None:
    made = sampled()
    made.features[:, [1, 2]] = 0.3
    design = fit_design(made, Design(square=False))
    assert design.columns == ("gaussian s=1",)
    made.features[:] = 1.0
    with pytest.raises(InputError, match="no feature varies"):
        fit_design(made, Design())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feature_that_is_not_finite_is_named(value: float) -> None:
    made = sampled()
    made.features[17, 1] = value
    with pytest.raises(InputError, match="gaussian s=2"):
        fit_design(made, Design())


def test_rows_with_other_features_are_refused() -> None:
    with pytest.raises(InputError, match="3 features were computed, the design is of 4"):
        fit_design(sampled(), Design()).matrix(sampled().features[:, :3])


def test_is_kept_as_json_to_the_bit() -> None:
    design = fit_design(sampled(), Design())
    again = StandardDesign.of_json(json.loads(json.dumps(design.to_json())))
    assert again.to_json() == design.to_json()
    features = sampled(seed=1).features
    assert again.matrix(features).tobytes() == design.matrix(features).tobytes()
