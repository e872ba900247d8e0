import json

import numpy as np
import pytest
from plain import rows, sigmoid

from app.config.vesuvius.features import Design
from app.errors import InputError
from app.pipelines.vesuvius.design import fit_design
from app.pipelines.vesuvius.model import LinearModel

NAMES = ["a", "b", "c", "gradient of a", "gradient of b", "gradient of c"]


def maps_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Like 16-bit images: far from zero."""
    rng = np.random.default_rng(seed)
    scale = np.array([900.0, 1.0, 0.01, 30.0, 1.0, 5.0]).reshape(-1, *[1] * len(shape))
    return (rng.standard_normal((6, *shape)) * scale + 10 * scale).astype(np.float32)


def model_of(config: Design, classes: int = 2, seed: int = 0) -> LinearModel:
    features = maps_of((4000,)).T
    design = fit_design(rows(features, np.zeros((4000, classes), np.uint8), NAMES), config)
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((len(design.columns), classes))
    weights[rng.random(weights.shape) < 0.3] = 0.0
    intercept, thresholds = rng.standard_normal(classes), np.full(classes, 0.45)
    return LinearModel(weights, intercept, thresholds, design, tuple("xyz"[:classes]))


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("gradient", [True, False])
def test_predicts_what_the_design_in_float64_does(
    classes: int, square: bool, gradient: bool
) -> None:
    model = model_of(Design(square=square, gradient=gradient), classes)
    maps = maps_of((3, 67, 101), seed=1)  # more than one block, and a part of one
    found = model.probabilities(maps)
    assert found.shape == (classes, 3, 67, 101)
    assert found.dtype == np.float32
    X = model.design.matrix(maps.reshape(6, -1).T)
    expected = sigmoid(X @ model.weights + model.intercept).T.reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_part_of_a_volume_is_predicted_as_in_the_whole() -> None:
    model, maps = model_of(Design()), maps_of((6, 50, 60), seed=2)
    whole = model.probabilities(maps)
    np.testing.assert_array_equal(model.probabilities(maps[:, 2:5]), whole[:, 2:5])
    np.testing.assert_array_equal(model.probabilities(maps[:, :, 7:9, ::2]), whole[:, :, 7:9, ::2])


def test_features_without_weight_are_not_even_looked_at() -> None:
    model, maps = model_of(Design()), maps_of((20, 20), seed=3)
    model.weights[[at for at, name in enumerate(model.design.columns) if "b" in name]] = 0.0
    expected = model.probabilities(maps)
    maps[[1, 4]] = np.nan
    np.testing.assert_array_equal(model.probabilities(maps), expected)


def test_without_any_weight_there_is_the_intercept() -> None:
    model = model_of(Design())
    model.weights[:] = 0.0
    found = model.probabilities(maps_of((5, 5)))
    np.testing.assert_allclose(found[:, 0, 0], sigmoid(model.intercept), rtol=1e-6)


def test_other_maps_are_refused() -> None:
    with pytest.raises(InputError, match="5 feature maps were computed, the model is of 6"):
        model_of(Design()).probabilities(maps_of((4, 4))[:5])


def test_is_kept_to_the_bit() -> None:
    model = model_of(Design())
    again = LinearModel.of(model.arrays(), json.loads(json.dumps(model.to_json())))
    assert again.sha256() == model.sha256()
    assert again.to_json() == model.to_json()
    maps = maps_of((9, 9))
    assert again.probabilities(maps).tobytes() == model.probabilities(maps).tobytes()


@pytest.mark.parametrize("array", ["weights", "intercept", "thresholds"])
def test_the_hash_tells_the_last_bit_of_each_array(array: str) -> None:
    model = model_of(Design())
    other = LinearModel.of({n: a.copy() for n, a in model.arrays().items()}, model.to_json())
    assert other.sha256() == model.sha256()
    values = getattr(other, array)
    values.flat[0] = np.nextafter(values.flat[0], np.inf)
    assert other.sha256() != model.sha256()


def test_the_hash_does_not_depend_on_the_order_in_memory() -> None:
    model = model_of(Design())
    arrays = {**model.arrays(), "weights": np.asfortranarray(model.weights)}
    assert LinearModel.of(arrays, model.to_json()).sha256() == model.sha256()
