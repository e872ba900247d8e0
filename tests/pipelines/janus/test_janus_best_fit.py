"""Newton's method within bounds, against closed forms and scipy; and how little it asks for."""

from typing import Any

import numpy as np
import pytest
from janus_linear import Flat, Line, chain

from app.pipelines.janus.best_fit import BestFit, best_fit
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.estimates.reporting import evaluations
from app.pipelines.janus.newton import Box, Least, descended
from app.pipelines.janus.posterior import Posterior

GAIN = 1e-9


def from_start(cost: Any, start: list[float], low: list[float], high: list[float]) -> Least:
    box = Box(np.array(low), np.array(high), np.diag(np.full(len(start), 0.25)))
    return descended(cost, np.array(start), box, GAIN)


@pytest.mark.parametrize("seed", range(5))
def test_a_quadratic_within_bounds_is_that_of_scipy(seed: int) -> None:
    from scipy.optimize import lsq_linear

    rng = np.random.default_rng(seed)
    design, target = rng.normal(size=(9, 5)), 2.0 * rng.normal(size=9)
    low, high = np.full(5, -0.3), np.full(5, 0.4)

    def cost(theta: Array) -> Array:
        return 0.5 * ((theta @ design.T - target) ** 2).sum(axis=1)

    theirs = lsq_linear(design, target, (low, high), tol=1e-14, method="bvls")
    found = from_start(cost, [0.0] * 5, list(low), list(high))
    assert found.is_least
    assert (theirs.active_mask != 0).any()
    assert abs(found.value - theirs.cost) < GAIN


def test_rosenbrock_s_valley_to_its_end() -> None:
    def cost(theta: Array) -> Array:
        x, y = theta.T
        return 100.0 * (y - x**2) ** 2 + (1.0 - x) ** 2

    found = from_start(cost, [-1.2, 1.0], [-3.0, -3.0], [3.0, 3.0])
    assert found.is_least
    assert found.theta == pytest.approx([1.0, 1.0], abs=1e-4)


def test_a_peak_all_but_on_a_bound_where_volumes_have_no_end() -> None:
    """(ln(x) - ln(1e-9))^2 + (y - ln(x)/10)^2: as of the last galaxy before a model ends."""

    def cost(theta: Array) -> Array:
        with np.errstate(divide="ignore"):
            log = np.log(theta[:, 0])
        return 0.5 * (log - np.log(1e-9)) ** 2 + 0.5 * (theta[:, 1] - 0.1 * log) ** 2

    found = from_start(cost, [0.2, 0.0], [0.0, -9.0], [1.0, 9.0])
    assert found.is_least
    assert found.value < GAIN
    assert np.log(found.theta[0]) == pytest.approx(np.log(1e-9), abs=1e-4)


def test_every_parameter_on_a_bound() -> None:
    found = from_start(lambda theta: theta.sum(axis=1), [0.5, 0.5], [0.0, 0.25], [1.0, 1.0])
    assert found.is_least
    assert list(found.theta) == [0.0, 0.25]


def test_a_saddle_and_the_end_of_a_function_are_no_least_value() -> None:
    def cliff(theta: Array) -> Array:
        return np.where(theta[:, 0] < 0.3, -theta[:, 0], np.inf)

    assert not from_start(cliff, [0.29999], [-1.0], [1.0]).is_least
    saddle = from_start(lambda theta: -(theta[:, 0] ** 2), [0.0], [-1.0], [1.0])
    assert saddle.value == pytest.approx(-1.0) or not saddle.is_least


def test_a_smooth_likelihood_is_asked_for_as_many_vectors_as_an_estimate_says() -> None:
    """In batches, of which a vector takes a tenth of what it takes alone."""
    line = Line()
    posterior, batches = line.posterior(), []

    def counted(theta: Array) -> Array:
        batches.append(len(theta))
        return posterior.log_likelihood_of(theta)

    watched = Posterior(posterior.prior, counted, posterior.identity)
    found: BestFit = best_fit(line.draws(), watched)
    assert found.settled
    assert sum(batches) <= evaluations(2)
    assert np.mean(batches) > 5.0


def test_what_was_climbed_is_told() -> None:
    prior = Flat(("a",), np.array([[-20.0, 20.0]]))
    posterior = Posterior(prior, lambda theta: -0.5 * (theta**2).sum(axis=1), identity={})
    theta = np.linspace(-3.0, 3.0, 400).reshape(4, 10, 10, 1)
    told: list[float] = []
    best_fit(chain(prior, theta, posterior), posterior, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
