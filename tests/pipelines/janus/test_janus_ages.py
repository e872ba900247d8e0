"""Ages of the universe in each model: closed forms and scipy's quadrature."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad

from app.pipelines.janus.cosmology.five_parameters import FiveParameters
from app.pipelines.janus.cosmology.flrw import Flrw
from app.pipelines.janus.cosmology.janus import Janus
from app.pipelines.janus.cosmology.model import GYR_KM_S_MPC, Array

Z = np.array([0.0, 0.5, 2.0, 6.5, 14.0])


def _age(squared: Callable[[float], float], z: float) -> float:
    """int da / (a E) from the big bang, a = u^2 so that matter makes it smooth."""
    return float(
        quad(
            lambda u: 2 / (u * np.sqrt(squared(1 / u**2))),
            0,
            np.sqrt(1 / (1 + z)),
            epsabs=0,
            epsrel=1e-12,
            limit=400,
        )[0]
    )


def test_the_age_of_janus_is_the_paper_s() -> None:
    age = Janus().age(np.zeros(1), np.array([[-0.087]]))[0, 0]
    assert age == pytest.approx(1.072, abs=5e-4)
    assert age * GYR_KM_S_MPC / 70.0 == pytest.approx(15.0, abs=0.05)  # paper: 15.0 Gyr


@pytest.mark.parametrize("q0", [-0.2, -0.087, -0.0357, -0.001])
def test_the_age_of_janus_counts_from_its_bounce(q0: float) -> None:
    formula = (
        -2 * q0 * (1 - 2 * q0) ** -1.5
        * (np.arcsinh(np.sqrt(-1 / (2 * q0))) - np.sqrt(1 - 2 * q0) / (2 * q0))
    )  # fmt: skip
    bounce = -1 / (2 * q0)
    z = np.linspace(0.0, 0.95 * bounce, 5)
    ages = Janus().age(z, np.array([[q0]]))[0]
    assert ages[0] == pytest.approx(formula, rel=1e-13)
    for at, age in zip(z, ages, strict=True):
        # z = bounce - v^2 takes the root of E away
        expected = quad(
            lambda v: 2 * v / ((1 + bounce - v * v) ** 2 * np.sqrt(-2 * q0) * v),
            0, np.sqrt(bounce - at), epsabs=0, epsrel=1e-12, limit=400,
        )[0]  # fmt: skip
        assert age == pytest.approx(expected, rel=1e-10)


def test_milne_s_universe_is_as_old_as_its_rate_says() -> None:
    np.testing.assert_allclose(Janus().age(Z, np.zeros((1, 1)))[0], 1 / (1 + Z), rtol=1e-14)
    nearly = Janus().age(Z, np.array([[-1e-13]]))[0]
    np.testing.assert_allclose(nearly, 1 / (1 + Z), rtol=1e-10)


@pytest.mark.parametrize("Om", [1e-12, 1e-6, 0.05, 0.3, 0.95])
def test_the_age_of_flat_lcdm_is_the_closed_form(Om: float) -> None:
    expected = 2 / (3 * np.sqrt(1 - Om)) * np.arcsinh(np.sqrt((1 - Om) / Om) * (1 + Z) ** -1.5)
    np.testing.assert_allclose(Flrw("x").age(Z, np.array([[Om]]))[0], expected, rtol=1e-11)


def test_einstein_de_sitter_is_two_thirds_old() -> None:
    expected = 2 / 3 * (1 + Z) ** -1.5
    np.testing.assert_allclose(Flrw("x").age(Z, np.ones((1, 1)))[0], expected, rtol=1e-11)
    five = FiveParameters().age(Z, np.array([[1.0, 0.0, 0.0]]))[0]
    np.testing.assert_allclose(five, expected, rtol=1e-13)


def test_lcdm_of_planck_is_13_8_gyr_old_and_labbe_s_galaxies_are_younger_than_a_gyr() -> None:
    ages = Flrw("x").age(np.array([0.0, 7.5]), np.array([[0.315]]))[0] * GYR_KM_S_MPC / 67.4
    assert ages[0] == pytest.approx(13.8, abs=0.05)
    assert 0.6 < ages[1] < 0.8


@pytest.mark.parametrize(
    ("model", "vector", "squared"),
    [
        (
            Flrw("x", curved=True),
            [0.3, 0.5],
            lambda x: 0.3 * x**3 + 0.5 * x**2 + 0.2,
        ),
        (
            Flrw("x", curved=True),
            [0.5, -0.4],
            lambda x: 0.5 * x**3 - 0.4 * x**2 + 0.9,
        ),
        (
            Flrw("x", curved=True),
            [0.0, 0.4],
            lambda x: 0.4 * x**2 + 0.6,
        ),
        (
            Flrw("x", "wcdm"),
            [0.3, -0.5],
            lambda x: 0.3 * x**3 + 0.7 * x**1.5,
        ),
        (
            Flrw("x", "wcdm"),
            [0.1, -2.5],
            lambda x: 0.1 * x**3 + 0.9 * x**-4.5,
        ),
        (
            Flrw("x", "cpl", curved=True),
            [0.3, -0.9, 0.5, 0.1],
            lambda x: 0.3 * x**3 + 0.1 * x**2 + 0.6 * x**1.8 * np.exp(-1.5 * (1 - 1 / x)),
        ),
        (
            Flrw("x", "cpl"),
            [0.3, -0.5, 1.5],  # dark energy outweighs matter in the past
            lambda x: 0.3 * x**3 + 0.7 * x**6 * np.exp(-4.5 * (1 - 1 / x)),
        ),
        (
            FiveParameters(normalised=False),
            [0.3, 0.5, 1.0],
            lambda x: (0.3 + 0.5 * (1 - np.sqrt(5 / 3))) * x**3 + 0.2 * x**2,
        ),
        (
            FiveParameters(normalised=False),  # nearly flat: the series
            [0.5, 0.49, 0.2],
            lambda x: (0.5 + 0.098 * (1 - np.sqrt(0.98))) * x**3 + 0.01 * x**2,
        ),
        (
            FiveParameters(normalised=False),  # closed
            [0.5, 0.7, 0.1],
            lambda x: (0.5 + 0.07 * (1 - np.sqrt(1.4))) * x**3 - 0.2 * x**2,
        ),
    ],
)
def test_ages_are_those_of_quadrature(
    model: Flrw | FiveParameters, vector: list[float], squared: Callable[[float], float]
) -> None:
    ages = model.age(Z, np.array([vector]))[0]
    np.testing.assert_allclose(ages, [_age(squared, z) for z in Z], rtol=1e-9)


def test_the_age_of_a_bouncing_lcdm_counts_from_its_bounce() -> None:
    Om, Ok = 0.1, -0.8
    rest = 1 - Om - Ok
    roots = np.roots([Om, Ok, 0.0, rest])
    bounce = min(root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 1)
    others = [root for root in roots if abs(root - bounce) > 1e-9]
    z = np.array([0.0, 0.5 * (bounce - 1)])
    ages = Flrw("x", curved=True).age(z, np.array([[Om, Ok]]))[0]
    for at, age in zip(z, ages, strict=True):
        # E^2 = Om (x - bounce) (x - r1) (x - r2), x = bounce - v^2
        def integrand(v: float) -> float:
            x = bounce - v * v
            return float(2 / (x * np.sqrt(-Om * ((x - others[0]) * (x - others[1])).real)))

        expected = quad(integrand, 0, np.sqrt(bounce - 1 - at), epsabs=0, epsrel=1e-12)[0]
        assert age == pytest.approx(expected, rel=1e-9)
    past = Flrw("x", curved=True).age(np.array([0.0, bounce]), np.array([[Om, Ok]]))[0]
    assert np.isnan(past).all()  # what is asked for z past the bounce has no age


def test_a_universe_of_a_constant_alone_has_no_beginning() -> None:
    assert Flrw("x").age(Z, np.zeros((1, 1))).tolist() == [[np.inf] * len(Z)]
    assert Flrw("x", "wcdm").age(Z, np.array([[0.0, -1.5]])).tolist() == [[np.inf] * len(Z)]


def test_ages_are_nan_out_of_the_domain() -> None:
    assert np.isnan(Janus().age(np.array([14.0]), np.array([[-0.087]]))).all()
    assert np.isnan(Janus().age(Z, np.array([[0.1]]))).all()
    assert np.isnan(Flrw("x").age(Z, np.array([[-0.1]]))).all()


def test_ages_fall_with_redshift_for_vectors_of_the_prior() -> None:
    rng = np.random.default_rng(5)
    z: Array = np.linspace(0.0, 12.0, 30)
    model = Flrw("x", "cpl", curved=True)
    theta = np.column_stack(
        [rng.uniform(0.01, 1, 200), rng.uniform(-3, 0.5, 200), rng.uniform(-3, 2, 200),
         rng.uniform(-1, 1, 200)]
    )  # fmt: skip
    theta = theta[model.in_domain(theta, 12.0)]
    assert len(theta) > 100
    ages = model.age(z, theta)
    assert (ages > 0).all()
    # dt/dz = -1/((1+z) E): ages fall by it, whatever they count from
    middle = 0.5 * (z[1:] + z[:-1])
    assert (np.diff(ages, axis=1) < 0).all()
    slope = np.diff(model.age(np.sort(np.r_[middle - 1e-5, middle + 1e-5]), theta), axis=1)[:, ::2]
    exact = -2e-5 / ((1 + middle) * model.rate(middle, theta))
    smooth = (model.rate(middle, theta) > 0.3).all(axis=1)
    np.testing.assert_allclose(slope[smooth], exact[smooth], rtol=1e-6)
