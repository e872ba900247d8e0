"""Feature maps beside scipy's and NumPy's, whatever the blocks."""

from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from app.config.vesuvius.features import Features
from app.datasets.volume import Volume
from app.errors import InputError
from app.pipelines.vesuvius.features import features_key, features_of, pending_features
from app.pipelines.vesuvius.features.blocks import blocks, half_kernel, mirrored, sizes
from app.pipelines.vesuvius.features.names import feature_names

SHAPE = (21, 26, 70)  # z, y, x: several blocks of 8 x 8 x 32, none of them whole


def volume(image: np.ndarray | None = None) -> Volume:
    if image is None:
        rng = np.random.default_rng(0)
        image = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 0.7) * 3000.0 + 20_000.0
        image = image.astype(np.uint16)
    return Volume("a", "train", image, None, "a.tif")


def maps_of(config: Features, image: np.ndarray | None = None) -> dict[str, np.ndarray]:
    found = features_of(volume(image), config)
    assert len(found.names) == len(found.maps) == len(found.statistics)
    return dict(zip(found.names, found.maps, strict=True))


def standardised(image: np.ndarray) -> np.ndarray:
    wide = image.astype(np.float64)
    standard: np.ndarray = (wide - wide.mean()) / wide.std()
    return standard


def test_names_are_those_of_the_maps_in_order() -> None:
    config = Features(scales=[2.0, 0.5], gradients=True, coordinates=True)
    assert feature_names(config) == (
        *("gaussian s=0.5", "gradient s=0.5", "hessian1 s=0.5", "hessian2 s=0.5"),
        *("hessian3 s=0.5", "gradient of gradient s=0.5", "gradient of hessian1 s=0.5"),
        *("gradient of hessian2 s=0.5", "gradient of hessian3 s=0.5"),
        *("gaussian s=2", "gradient s=2", "hessian1 s=2", "hessian2 s=2"),
        *("hessian3 s=2", "gradient of gradient s=2", "gradient of hessian1 s=2"),
        *("gradient of hessian2 s=2", "gradient of hessian3 s=2"),
        *("coordinate z", "coordinate y", "coordinate x"),
    )
    assert len(feature_names(Features(gradients=False))) == 20


@pytest.mark.parametrize("gradients", [False, True])
def test_the_result_does_not_depend_on_the_blocks(gradients: bool) -> None:
    """To the bit: a scale is computed from the finished map of the one before."""
    whole = features_of(volume(), Features(gradients=gradients, block=64)).maps
    for block in (8, 11, 25):
        parts = features_of(volume(), Features(gradients=gradients, block=block)).maps
        np.testing.assert_array_equal(parts, whole)


def test_gaussians_are_those_of_scipy() -> None:
    """Scales made one from another; 4 standard deviations of each kernel are kept, so that what is
    cut off is some 1e-4 of a standard deviation of the image."""
    found = maps_of(Features(scales=[1.0, 2.0, 4.0, 8.0], gradients=False))
    image = standardised(volume().image)
    for s in (1.0, 2.0, 4.0, 8.0):
        expected = ndimage.gaussian_filter(image, s, mode="mirror", truncate=6.0)
        np.testing.assert_allclose(found[f"gaussian s={s:g}"], expected, atol=2e-4)


def test_one_scale_is_that_of_scipy_to_single_precision() -> None:
    found = maps_of(Features(scales=[1.5], gradients=False))["gaussian s=1.5"]
    image = standardised(volume().image)
    expected = ndimage.gaussian_filter(image, 1.5, mode="mirror", truncate=4.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def first_differences(g: np.ndarray) -> list[np.ndarray]:
    return [ndimage.correlate1d(g, [-0.5, 0.0, 0.5], axis=axis, mode="mirror") for axis in range(3)]


def length(parts: list[np.ndarray]) -> np.ndarray:
    total: np.ndarray = np.sqrt(sum(part**2 for part in parts))
    return total


def hessian_eigenvalues(g: np.ndarray) -> np.ndarray:
    """(3, z, y, x), largest first, by LAPACK."""
    matrix = np.empty((*g.shape, 3, 3))
    first = first_differences(g)
    for i, j in product(range(3), range(3)):
        if i == j:
            part = ndimage.correlate1d(g, [1.0, -2.0, 1.0], axis=i, mode="mirror")
        else:
            # mirrored about an end voxel, a difference along its axis is odd: its difference
            # along another axis is not
            part = ndimage.correlate1d(first[i], [-0.5, 0.0, 0.5], axis=j, mode="mirror")
        matrix[..., i, j] = part
    return np.moveaxis(np.linalg.eigvalsh(matrix)[..., ::-1], -1, 0)


def test_gradients_and_hessians_are_those_of_the_gaussian() -> None:
    """Eigenvalues to 1e-3 of the Hessian: nearly equal ones lose half their digits."""
    found = maps_of(Features(scales=[1.0, 3.0]))
    for s in ("1", "3"):
        g = found[f"gaussian s={s}"].astype(np.float64)
        magnitude = length(first_differences(g))
        np.testing.assert_allclose(found[f"gradient s={s}"], magnitude, atol=1e-6)
        expected = hessian_eigenvalues(g)
        size = np.abs(expected).max(axis=0)
        for number, values in enumerate(expected, 1):
            error = np.abs(found[f"hessian{number} s={s}"] - values)
            assert (error / (size + 1e-4)).max() < 1e-3
            assert np.median(error / (size + 1e-4)) < 1e-5


def test_gradients_of_maps_are_central_differences_of_the_maps() -> None:
    found = maps_of(Features(scales=[1.0, 2.0]))
    for name in feature_names(Features(scales=[1.0, 2.0])):
        if name.startswith("gradient of "):
            base = found[name.removeprefix("gradient of ")].astype(np.float64)
            expected = length(first_differences(base))
            np.testing.assert_allclose(found[name], expected, atol=2e-6, err_msg=name)


def test_a_sheet_has_one_eigenvalue_and_a_tube_two() -> None:
    z, y, x = np.meshgrid(*(np.arange(24) - 12,) * 3, indexing="ij")
    for image, small in ((np.exp(-(y**2) / 8.0), 2), (np.exp(-(y**2 + z**2) / 8.0), 1)):
        found = maps_of(Features(scales=[1.0], gradients=False), image + 0.0 * x)
        values = [found[f"hessian{number} s=1"][12, 12, 12] for number in (1, 2, 3)]
        assert values == sorted(values, reverse=True)
        assert sum(abs(value) < 1e-4 for value in values) == small
        assert values[-1] < -0.05  # bright on dark: curved downwards


def test_turning_the_volume_turns_the_maps() -> None:
    image = volume().image
    config = Features(scales=[1.0, 4.0], block=8)
    turned = maps_of(config, np.ascontiguousarray(image.transpose(2, 0, 1)))
    for name, values in maps_of(config, image).items():
        # eigenvalues of the turned matrix are those of the matrix but for rounding
        np.testing.assert_allclose(turned[name], values.transpose(2, 0, 1), atol=2e-3)


def test_coordinates_run_from_0_to_1() -> None:
    found = maps_of(Features(scales=[1.0], coordinates=True))
    for axis, name in enumerate("zyx"):
        along = np.moveaxis(found[f"coordinate {name}"], axis, 0)
        np.testing.assert_allclose(along[:, 3, 5], np.linspace(0.0, 1.0, SHAPE[axis]), atol=1e-6)
        assert along[7].min() == along[7].max()


def test_statistics_are_those_of_the_maps() -> None:
    config = Features(scales=[1.0, 2.0], coordinates=True, block=9)
    found = features_of(volume(), config)
    for values, said in zip(found.maps.astype(np.float64), found.statistics, strict=True):
        expected = [values.min(), values.max(), values.mean(), values.std()]
        np.testing.assert_allclose(
            [said.minimum, said.maximum, said.mean, said.std], expected, rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("shape", [(1, 9, 9), (2, 3, 70), (3, 1, 1), (9, 40, 2)])
def test_volumes_thinner_than_a_kernel(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(3).standard_normal(shape)
    found = maps_of(Features(scales=[1.0, 6.0]), image)
    expected = ndimage.gaussian_filter(standardised(image), 1.0, mode="mirror", truncate=4.0)
    np.testing.assert_allclose(found["gaussian s=1"], expected, atol=1e-6)
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "int32", "float32", ">f8"])
def test_the_type_and_unit_of_the_image_are_no_matter(dtype: str) -> None:
    image = np.random.default_rng(1).integers(0, 250, (9, 10, 11))
    config = Features(scales=[1.0], gradients=False)
    expected = features_of(volume(image), config).maps
    np.testing.assert_allclose(features_of(volume(image.astype(dtype)), config).maps, expected)
    other_unit = features_of(volume(image * 40.0 - 1000.0), config).maps
    np.testing.assert_allclose(other_unit, expected, atol=1e-5)


def test_a_volume_of_one_value_has_maps_of_zeros() -> None:
    for values in maps_of(Features(scales=[1.0]), np.full((6, 7, 8), 9)).values():
        assert not values.any()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_grey_values_that_are_no_number_are_refused(value: float) -> None:
    image = np.zeros((4, 5, 6))
    image[1, 2, 3] = value
    with pytest.raises(InputError, match="volume a: its grey values are not finite"):
        features_of(volume(image), Features(scales=[1.0]))


def test_blocks_cover_a_volume_once() -> None:
    count = np.zeros(SHAPE, dtype=int)
    for block in blocks(SHAPE, 8):
        count[block] += 1
        assert all(part.stop - part.start <= n for part, n in zip(block, sizes(8), strict=True))
    assert (count == 1).all()


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_borders_are_mirrored_as_by_numpy(n: int) -> None:
    expected = np.pad(np.arange(n), 20, mode="reflect") if n > 1 else np.zeros(41, int)
    np.testing.assert_array_equal(mirrored(-20, n + 20, n), expected)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 6.9])
def test_a_kernel_keeps_the_mean(sigma: float) -> None:
    weights = half_kernel(sigma).astype(np.float64)
    assert 2 * weights.sum() - weights[0] == pytest.approx(1.0, abs=1e-6)


def test_the_key_is_of_what_the_maps_follow_from() -> None:
    config = Features(scales=[1.0])
    key = features_key(volume(), config)
    assert key == features_key(volume(), Features(scales=[1.0], block=8))
    assert key == features_key(Volume("b", "test", volume().image, None, "b.tif"), config)
    assert key != features_key(volume(), Features(scales=[1.0, 2.0]))
    assert key != features_key(volume(volume().image + 1), config)


def test_pending_features_compute_when_they_are_asked() -> None:
    config = Features(scales=[1.0], gradients=False)
    (pending,) = pending_features([volume()], config)
    maps = np.zeros((len(pending.names), *SHAPE), dtype=np.float32)
    statistics = pending.compute(maps)
    expected = features_of(volume(), config)
    np.testing.assert_array_equal(maps, expected.maps)
    assert statistics == expected.statistics
