"""What the data say beyond the prior, in nats, where it is known in closed form."""

import math

import numpy as np
import pytest
from janus_linear import Flat
from scipy import stats

from app.pipelines.janus.constraint import CELLS, LEAST_GAIN, LEAST_SIZE, information_gains
from app.pipelines.janus.cosmology.model import Array


def unit(ndim: int) -> Flat:
    names = tuple(f"p{i}" for i in range(ndim))
    return Flat(names, np.array([[0.0, 1.0]] * ndim))


def gains_of(theta: Array, possible: Array | None = None, ess: float | None = None) -> Array:
    n, ndim = theta.shape
    sizes = np.full(ndim, float(n) if ess is None else ess)
    return information_gains(theta, np.full(n, 1.0 / n), sizes, unit(ndim), possible)


@pytest.mark.parametrize("size", [400, 1000])
def test_one_in_a_hundred_flat_parameters_passes_as_constrained(size: int) -> None:
    """2 n gain is a chi2 of 15 degrees of freedom (Wilks): above 2 n LEAST_GAIN + 15 in 0.9 % of
    400 draws of the prior; 24 % of 100 and 9 % of 200 were counted to be."""
    theta = np.random.default_rng(1).random((size, 5000))
    passes = float((gains_of(theta) >= LEAST_GAIN).mean())
    expected = float(stats.chi2.sf(2.0 * size * LEAST_GAIN + CELLS - 1, CELLS - 1))
    assert passes == pytest.approx(expected, abs=0.004)
    assert passes < 0.0125


def test_fewer_draws_cannot_tell() -> None:
    theta = np.random.default_rng(2).random((4000, 1))
    assert np.isnan(gains_of(theta, ess=LEAST_SIZE - 1.0)).all()
    assert np.isnan(gains_of(theta, possible=theta[:399])).all()
    assert np.isfinite(gains_of(theta, possible=theta[:400], ess=LEAST_SIZE)).all()


def test_a_domain_that_cuts_the_prior_is_no_information() -> None:
    # The model exists where a + b < 1: of a the density is 2 (1 - a), ln 2 - 1/2 nats from flat
    rng = np.random.default_rng(3)
    theta, possible = (draws[draws.sum(axis=1) < 1.0] for draws in rng.random((2, 80_000, 2)))
    assert gains_of(theta) == pytest.approx(math.log(2.0) - 0.5, abs=0.01)
    assert gains_of(theta, possible) == pytest.approx(0.0, abs=0.001)


def test_what_data_say_inside_a_domain_is_held_against_that_domain() -> None:
    # The model exists at a < 1/4; the data leave the lower half of that
    rng = np.random.default_rng(4)
    theta, possible = rng.random((20_000, 1)) / 8.0, rng.random((20_000, 1)) / 4.0
    assert gains_of(theta) == pytest.approx(math.log(8.0), abs=0.01)
    assert gains_of(theta, possible) == pytest.approx(math.log(2.0), abs=0.01)


def test_noise_of_the_domain_s_own_draws_is_taken_off() -> None:
    rng = np.random.default_rng(5)
    gains = [gains_of(rng.random((1000, 1)), possible=rng.random((500, 1)))[0] for _ in range(200)]
    # 15/2 (1/1000 + 1/500) = 0.0225 would be left
    assert np.mean(gains) == pytest.approx(0.0, abs=0.002)
