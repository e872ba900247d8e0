import json

import numpy as np
import pytest
from plain import rows, sigmoid

from app.config.vesuvius.features import Design
from app.config.vesuvius.training import Distillation
from app.errors import InputError
from app.pipelines.vesuvius.design import fit_design
from app.pipelines.vesuvius.quadratic import QuadraticModel
from app.pipelines.vesuvius.teacher import Teacher, fit_teacher

NAMES = ["a", "b", "still", "c", "gradient of a", "gradient of c"]
CONFIG = Distillation(teacher_rows=3000)


def maps_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Like 16-bit images, far from zero; one map is the same everywhere."""
    rng = np.random.default_rng(seed)
    scale = np.array([900.0, 1.0, 0.0, 0.01, 30.0, 5.0]).reshape(-1, *[1] * len(shape))
    offset = np.where(scale > 0, 10 * scale, 7.0)
    return np.asarray(rng.standard_normal((6, *shape)) * scale + offset, np.float32)


def taught(classes: int = 2, square: bool = True) -> tuple[Teacher, QuadraticModel]:
    features, rng = maps_of((3000,)).T, np.random.default_rng(1)
    z = (features - features.mean(0)) / np.maximum(features.std(0), 1e-9)
    logit = np.stack([3 * z[:, 0] * z[:, 1] + z[:, 4], z[:, 3] ** 2 - z[:, 5]], axis=1)
    target = (rng.random((3000, 2)) < sigmoid(logit)).astype(np.uint8)[:, :classes]
    made = rows(features, target, NAMES)
    teacher = fit_teacher(made, fit_design(made, Design(square=square)), CONFIG)
    return teacher, QuadraticModel.of_teacher(teacher, np.full(classes, 0.45), made.classes)


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("classes", [1, 2])
def test_its_logits_are_the_teachers(classes: int, square: bool) -> None:
    teacher, model = taught(classes, square)
    maps = maps_of((3, 67, 101), seed=2)  # more than one block, and a part of one
    expected = teacher.logits(maps.reshape(6, -1).T).T.reshape(classes, 3, 67, 101)
    assert np.ptp(expected) > 10  # logits that matter
    found = model.logits(maps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)
    p = model.probabilities(maps)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p, sigmoid(expected), atol=2e-5)


def test_each_form_is_summed_as_it_is_written() -> None:
    _, model = taught()
    maps = maps_of((5, 7), seed=3)
    read = [model.design.names[at] for at in model.design.feature_index]
    of = {name: at for at, name in enumerate(model.design.columns)}
    x = dict(zip(NAMES, maps.astype(np.float64), strict=True))
    z = [(x[name] - model.design.mean[of[name]]) / model.design.scale[of[name]] for name in read]
    for k, found in enumerate(model.logits(maps)):
        logit = np.full((5, 7), model.intercept[k])
        for i in range(len(read)):
            logit += model.linear[k, i] * z[i]
            for j in range(i, len(read)):
                logit += model.form[k, i, j] * z[i] * z[j]
        np.testing.assert_allclose(found, logit, atol=1e-4)
    assert "still" not in read
    assert not np.tril(model.form, -1).any()


def test_a_part_of_a_volume_is_predicted_as_in_the_whole() -> None:
    _, model = taught()
    maps = maps_of((6, 50, 60), seed=2)
    whole = model.probabilities(maps)
    np.testing.assert_array_equal(model.probabilities(maps[:, 2:5]), whole[:, 2:5])
    np.testing.assert_array_equal(model.probabilities(maps[:, :, 7:9, ::2]), whole[:, :, 7:9, ::2])


def test_other_maps_are_refused() -> None:
    with pytest.raises(InputError, match="5 feature maps were computed, the model is of 6"):
        taught()[1].probabilities(maps_of((4, 4))[:5])


def test_is_kept_to_the_bit() -> None:
    _, model = taught()
    again = QuadraticModel.of(model.arrays(), json.loads(json.dumps(model.to_json())))
    assert again.sha256() == model.sha256()
    assert again.to_json() == model.to_json()
    maps = maps_of((9, 9))
    assert again.probabilities(maps).tobytes() == model.probabilities(maps).tobytes()


@pytest.mark.parametrize("array", ["form", "linear", "intercept", "thresholds"])
def test_the_hash_tells_the_last_bit_of_each_array(array: str) -> None:
    _, model = taught()
    other = QuadraticModel.of({n: a.copy() for n, a in model.arrays().items()}, model.to_json())
    assert other.sha256() == model.sha256()
    values = getattr(other, array)
    values.flat[0] = np.nextafter(values.flat[0], np.inf)
    assert other.sha256() != model.sha256()
