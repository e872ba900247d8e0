"""A log-probability of the user's own that goes on past the bounds of its priors: it says so."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import Convergence, Sampler
from app.datasets.observations.kinds import Observations
from app.pipelines.janus.assembly import posterior_of
from app.pipelines.janus.assess import assessed
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.page import words
from app.pipelines.janus.past_bounds import cut_by_prior
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.summary import summary_of

FUNCTIONS = """
import numpy as np
def gaussian(theta):
    return float(-0.5 * np.sum((theta - 0.7) ** 2))
def ends(theta):
    return gaussian(theta) if abs(theta[0]) <= 0.5 else -np.inf
def raises(theta):
    if abs(theta[0]) > 0.5:
        raise ValueError("no such universe")
    return gaussian(theta)
def not_a_number(theta):
    return gaussian(theta) + 0.0 * np.sqrt(0.5 - abs(theta[0]))
def falls(theta):
    return gaussian(theta) - (5.0 if abs(theta[0]) > 0.5 else 0.0)
def batch(theta):
    return -0.5 * ((theta - 0.7) ** 2).sum(axis=1)
"""
Make = Callable[..., Posterior]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    path = tmp_path / "own_bounded.py"
    path.write_text(FUNCTIONS)

    def posterior(
        function: str = "gaussian", low: float = -0.5, high: float = 0.5, **choices: Any
    ) -> Posterior:
        own = {
            "kind": "custom",
            "name": "custom",
            "log_prob_module": str(path),
            "log_prob_function": function,
            "prior": {"a": {"kind": "uniform", "low": low, "high": high}},
            **choices,
        }
        return posterior_of(Cosmology.model_validate(own), Likelihood(), Prior(), Observations(()))

    return posterior


def drawn(posterior: Posterior, count: int = 4000) -> Draws:
    """Weighted draws, evenly spaced: a quadrature of one parameter, within its bounds."""
    (low, high), *others = posterior.prior.bounds
    low, high = max(low, -9.3), min(high, 10.7)
    theta = low + (high - low) * (np.arange(count)[:, None] + 0.5) / count
    theta = np.concatenate([theta, np.zeros((count, len(others)))], axis=1)
    log_likelihood, log_prior = posterior.both(theta)
    log_prob = log_likelihood + log_prior
    ln_z = float(np.log(np.exp(log_prob).mean() * (high - low)))
    shape = (1, count, 1)
    return Draws(
        posterior.names,
        theta.reshape(*shape, -1),
        log_likelihood.reshape(shape),
        log_prior.reshape(shape),
        (log_prob - np.log(np.exp(log_prob).sum())).reshape(shape),
        None,
        "converged",
        count,
        ln_z=ln_z,
        ln_z_sd=1e-6,
    )


def found(posterior: Posterior) -> dict[str, Any]:
    sampler = Sampler.model_validate({"kind": "quadrature"})
    told = assessed({"own": drawn(posterior)}, {"own": posterior}, sampler, Convergence(), 0)
    return {**told, "predictive": {}}


def test_a_posterior_that_goes_on_past_its_box_has_not_converged(make: Make) -> None:
    told = found(make())["models"]["own"]
    part = stats.truncnorm(-1.2, -0.2, loc=0.7)
    assert told["parameters"]["a"]["mean"] == pytest.approx(part.mean(), abs=1e-4)
    assert told["parameters"]["a"]["sd"] == pytest.approx(part.std(), abs=1e-4)
    assert told["converged"] is False
    (said,) = told["unmet"]
    assert said.startswith("a is cut at -0.5 and 0.5 by its prior")
    assert "cosmology.prior.a" in said
    assert "cosmology.includes_prior=false" in said


def test_a_box_that_holds_it_all_is_as_wide_as_any(make: Make) -> None:
    for width in (8.0, 80.0):
        told = found(make(low=-width, high=width))["models"]["own"]
        assert (told["converged"], told["unmet"]) == (True, [])
        # the integral of the function itself, whatever the box
        assert told["ln_z"] == pytest.approx(0.5 * math.log(2.0 * math.pi), abs=1e-6)


@pytest.mark.parametrize(("sds", "is_cut"), [(0.5, True), (2.0, True), (3.0, False)])
def test_a_bound_counts_where_a_part_of_the_posterior_is(
    make: Make, sds: float, is_cut: bool
) -> None:
    posterior = make(low=0.7 - sds, high=20.0)
    said = cut_by_prior(drawn(posterior), posterior)
    assert [f"cut at {0.7 - sds:.6g} by" in one for one in said] == ([True] if is_cut else [])


@pytest.mark.parametrize("function", ["ends", "raises", "not_a_number", "falls"])
def test_nothing_is_claimed_where_the_function_ends_too(make: Make, function: str) -> None:
    posterior = make(function)
    assert cut_by_prior(drawn(posterior), posterior) == []


def test_a_likelihood_ends_with_its_prior(make: Make) -> None:
    told = found(make(includes_prior=False))["models"]["own"]
    assert (told["converged"], told["unmet"]) == (True, [])
    assert told["criteria"]["ln_l_max"] == pytest.approx(-0.02, abs=1e-3)


def test_vectors_are_put_together_with_fixed_ones_and_in_batches(make: Make) -> None:
    prior = {"a": {"kind": "uniform", "low": -0.5, "high": 0.5}, "b": 0.7}
    posterior = make("batch", vectorised=True, prior=prior)
    assert len(cut_by_prior(drawn(posterior), posterior)) == 1


def test_a_prior_without_bounds_cuts_nothing(make: Make) -> None:
    posterior = make(prior={"a": {"kind": "normal", "mean": 0.0, "sd": 3.0}})
    assert cut_by_prior(drawn(posterior), posterior) == []


def test_without_a_likelihood_there_are_no_criteria_of_one(make: Make) -> None:
    findings = found(make(low=-8.0, high=8.0))
    criteria = findings["models"]["own"]["criteria"]
    names = ("ln_l_max", "aic", "aicc", "bic", "dic", "p_dic", "waic", "p_waic")
    assert [criteria[name] for name in names] == [None] * len(names)
    assert criteria["k"] == 1
    told = summary_of("a", findings, "quadrature", "marginalised", False, {}, 0)
    assert "ln Z is of the function as it is" in " ".join(told["conventions"])
    assert "ln Z, of the function as it is" in [tile["what"] for tile in words.tiles(told)]
