"""Priors: normalised, drawn as they say, and refused where they cannot be."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from app.config.janus.prior import Distribution, Prior
from app.errors import ConfigError
from app.pipelines.janus.prior import IndependentPrior, marginal_of, prior_of

FREE = (-math.inf, math.inf)
MARGINALS = {
    "uniform": {"kind": "uniform", "low": -2.0, "high": 5.0},
    "centred": {"kind": "centred", "center": 70.0, "width": 4.0},
    "normal": {"kind": "normal", "mean": 1.0, "sd": 0.3},
    "cut": {"kind": "normal", "mean": 1.0, "sd": 0.3, "low": 0.9, "high": 2.0},
    "cut above": {"kind": "normal", "mean": 0.0, "sd": 1.0, "high": -0.5},
    "far above": {"kind": "normal", "mean": 0.0, "sd": 1.0, "low": 12.0},
    "far below": {"kind": "normal", "mean": 0.0, "sd": 1.0, "low": -40.0, "high": -30.0},
    "gamma": {"kind": "scipy", "name": "gamma", "arguments": {"a": 2.0, "scale": 3.0}},
    "t": {"kind": "scipy", "name": "t", "arguments": {"df": 5.0}},
    "beta": {"kind": "scipy", "name": "beta", "arguments": {"a": 2.0, "b": 5.0, "loc": -1.0}},
}


def distribution(value: Any) -> Distribution:
    return Distribution.model_validate(value)


def made(**priors: Any) -> IndependentPrior:
    configured = {name: distribution(value) for name, value in priors.items()}
    return prior_of(tuple(priors), configured, {}, Prior())[0]


@pytest.mark.parametrize("name", MARGINALS)
def test_a_density_is_normalised(name: str) -> None:
    one = marginal_of(distribution(MARGINALS[name]), FREE, "key")
    ends = one.quantile(np.array([0.0, 1e-9, 0.5, 1 - 1e-9, 1.0]))
    area = sum(
        integrate.quad(lambda x: float(np.exp(one.log_density(np.array([x]))[0])), low, high)[0]
        for low, high in itertools.pairwise(ends)
    )
    assert area == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("name", MARGINALS)
def test_the_transform_is_the_inverse_of_the_distribution_function(name: str) -> None:
    one = marginal_of(distribution(MARGINALS[name]), FREE, "key")
    unit = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6])
    x = one.quantile(unit)
    start = one.quantile(np.array([1e-12]))[0]
    for share, end in zip(unit, x, strict=True):
        area, _ = integrate.quad(
            lambda x: float(np.exp(one.log_density(np.array([x]))[0])),
            start,
            end,
            points=[value for value in x if start < value < end],
            limit=200,
            epsabs=1e-12,
        )
        assert area == pytest.approx(share, abs=2e-7)
        assert one.mass_below(end) == pytest.approx(share, abs=1e-9)
        assert one.mass_above(end) == pytest.approx(1 - share, abs=1e-9)


@pytest.mark.parametrize("name", MARGINALS)
def test_draws_follow_the_distribution(name: str) -> None:
    prior = made(a=MARGINALS[name])
    drawn = prior.draw(np.random.default_rng(7), 4000)[:, 0]
    one = prior.marginals[0]
    found = stats.kstest(drawn, np.vectorize(one.mass_below))
    assert found.pvalue > 0.01
    assert np.isfinite(prior.log_density(drawn[:, None])).all()


@pytest.mark.parametrize("name", MARGINALS)
def test_the_ends_of_the_unit_cube_are_finite_and_inside(name: str) -> None:
    prior = made(a=MARGINALS[name])
    ends = prior.transform(np.array([[0.0], [1.0]]))
    assert np.isfinite(ends).all()
    assert (ends >= prior.bounds[0, 0]).all()
    assert (ends <= prior.bounds[0, 1]).all()


def test_a_cut_normal_is_scipys_truncnorm() -> None:
    one = marginal_of(distribution(MARGINALS["cut"]), FREE, "key")
    expected = stats.truncnorm((0.9 - 1.0) / 0.3, (2.0 - 1.0) / 0.3, loc=1.0, scale=0.3)
    unit = np.linspace(0.001, 0.999, 99)
    assert np.allclose(one.quantile(unit), expected.ppf(unit), rtol=1e-12, atol=0)
    x = expected.ppf(unit)
    assert np.allclose(one.log_density(x), expected.logpdf(x), rtol=1e-12, atol=1e-13)


def test_a_joint_density_is_the_product_and_ends_at_its_bounds() -> None:
    prior = made(a=MARGINALS["uniform"], b=MARGINALS["normal"], c=MARGINALS["centred"])
    theta = np.array([[0.0, 1.1, 70.0], [5.1, 1.1, 70.0], [0.0, 1.1, 72.1], [-2.0, 9.0, 68.0]])
    found = prior.log_density(theta)
    expected = -math.log(7.0) - math.log(4.0) + stats.norm(1.0, 0.3).logpdf([1.1, 9.0])
    assert found[[0, 3]] == pytest.approx(expected, rel=1e-13)
    assert (found[1:3] == -np.inf).all()
    assert prior.bounds.tolist() == [[-2.0, 5.0], [-np.inf, np.inf], [68.0, 72.0]]


def test_the_same_seed_draws_the_same() -> None:
    prior = made(a=MARGINALS["uniform"], b=MARGINALS["gamma"])
    first, second = (prior.draw(np.random.default_rng(3), 20) for _ in range(2))
    assert np.array_equal(first, second)


def test_null_is_the_edge_of_the_model() -> None:
    configured = {"q0": distribution({"kind": "uniform", "low": None, "high": 0.0})}
    prior, fixed = prior_of(("q0",), configured, {"q0": (-0.4, 0.0)}, Prior())
    assert prior.bounds.tolist() == [[-0.4, 0.0]]
    assert fixed == {}


def test_a_prior_past_the_edges_is_not_cut() -> None:
    configured = {
        "a": distribution({"kind": "uniform", "low": -1.0, "high": 3.0}),
        "b": distribution({"kind": "normal", "mean": 0.0, "sd": 1.0}),
        "c": distribution({"kind": "uniform", "low": 0.0, "high": 1.0}),
    }
    limits = {"a": (0.0, 2.0), "b": (0.0, math.inf)}
    prior, _ = prior_of(("a", "b", "c"), configured, limits, Prior())
    assert prior.bounds[:2].tolist() == [[-1.0, 3.0], [-math.inf, math.inf]]


def test_a_number_is_a_fixed_value() -> None:
    configured = {"a": distribution(0.3), "b": distribution(MARGINALS["uniform"])}
    prior, fixed = prior_of(("a", "b"), configured, {}, Prior())
    assert prior.names == ("b",)
    assert fixed == {"a": 0.3}


def test_an_override_replaces_fixes_and_frees() -> None:
    configured = {"a": distribution(0.3), "b": distribution(MARGINALS["uniform"])}
    override = Prior.model_validate({"parameters": {"a": MARGINALS["normal"], "b": 2.0}})
    prior, fixed = prior_of(("a", "b"), configured, {}, override)
    assert prior.names == ("a",)
    assert fixed == {"b": 2.0}


def test_lists_of_centres_and_widths() -> None:
    configured = {name: distribution(MARGINALS["normal"]) for name in "abc"}
    override = Prior.model_validate(
        {"parameters": {"b": 1.0}, "center": [1.0, 5.0], "width": [2.0, 1.0]}
    )
    prior, fixed = prior_of(("a", "b", "c"), configured, {}, override)
    assert prior.names == ("a", "c")
    assert prior.bounds.tolist() == [[0.0, 2.0], [4.5, 5.5]]
    assert fixed == {"b": 1.0}


def test_an_override_may_be_of_another_models_parameter() -> None:
    configured = {"q0": distribution(MARGINALS["uniform"])}
    override = Prior.model_validate({"parameters": {"Om": MARGINALS["normal"]}})
    prior, _ = prior_of(("q0",), configured, {}, override, elsewhere={"Om"})
    assert prior.bounds.tolist() == [[-2.0, 5.0]]


UNIFORM = MARGINALS["uniform"]
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "no prior": ({"a": UNIFORM}, {}, ["cosmology.prior.b", "kind: uniform"]),
    "no such parameter": (
        {"a": UNIFORM, "b": UNIFORM, "omega": UNIFORM},
        {},
        ["cosmology.prior.omega", "no such parameter"],
    ),
    "override of nothing": (
        {"a": UNIFORM, "b": UNIFORM},
        {"parameters": {"aa": UNIFORM}},
        ["prior.parameters.aa", "did you mean 'a'"],
    ),
    "all fixed": ({"a": 1.0, "b": 1.0}, {}, ["all fixed"]),
    "too many centres": (
        {"a": UNIFORM, "b": 1.0},
        {"center": [1.0, 2.0], "width": [1.0, 1.0]},
        ["prior.center has 2 values for 1", "a"],
    ),
    "centre and prior": (
        {"a": UNIFORM, "b": UNIFORM},
        {"parameters": {"b": UNIFORM}, "center": [1.0, 1.0], "width": [1.0, 1.0]},
        ["prior.parameters.b", "prior.center"],
    ),
    "outside the limits": (
        {"a": {"kind": "uniform", "low": 3.0, "high": 5.0}, "b": UNIFORM},
        {},
        ["cosmology.prior.a", "-1 to 2", "outside"],
    ),
    "normal outside": (
        {"a": {"kind": "normal", "mean": 9.0, "sd": 0.1, "low": 5.0}, "b": UNIFORM},
        {},
        ["cosmology.prior.a", "outside"],
    ),
    "fixed outside": ({"a": 3.0, "b": UNIFORM}, {}, ["cosmology.prior.a=3", "-1 to 2"]),
    "no edge": (
        {"a": UNIFORM, "b": {"kind": "uniform", "low": 0.0, "high": None}},
        {},
        ["cosmology.prior.b", "cannot be normalised"],
    ),
    "infinite": (
        {"a": UNIFORM, "b": {"kind": "uniform", "low": 0.0, "high": math.inf}},
        {},
        ["cosmology.prior.b", "cannot be normalised"],
    ),
    "nothing left": (
        {"a": {"kind": "uniform", "low": 2.5, "high": None}, "b": UNIFORM},
        {},
        ["cosmology.prior.a", "leaves nothing"],
    ),
    "no mass": (
        {"a": UNIFORM, "b": {"kind": "normal", "mean": math.nan, "sd": 1.0}},
        {},
        ["cosmology.prior.b", "finite"],
    ),
    "no such distribution": (
        {"a": UNIFORM, "b": {"kind": "scipy", "name": "gama"}},
        {},
        ["cosmology.prior.b.name=gama", "'gamma'"],
    ),
    "a discrete one": (
        {"a": UNIFORM, "b": {"kind": "scipy", "name": "poisson"}},
        {},
        ["no continuous distribution"],
    ),
    "no such argument": (
        {"a": UNIFORM, "b": {"kind": "scipy", "name": "norm", "arguments": {"sigma": 1.0}}},
        {},
        ["cosmology.prior.b.arguments.sigma", "loc, scale"],
    ),
    "an argument missing": (
        {"a": UNIFORM, "b": {"kind": "scipy", "name": "gamma"}},
        {},
        ["cosmology.prior.b.arguments", "needs a"],
    ),
    "an argument out of range": (
        {"a": UNIFORM, "b": {"kind": "scipy", "name": "norm", "arguments": {"scale": -1.0}}},
        {},
        ["cosmology.prior.b.arguments", "not defined"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_prior_is_refused(case: str) -> None:
    priors, override, said = REFUSED[case]
    configured = {name: distribution(value) for name, value in priors.items()}
    with pytest.raises(ConfigError) as refused:
        prior_of(("a", "b"), configured, {"a": (-1.0, 2.0)}, Prior.model_validate(override))
    for words in said:
        assert words in str(refused.value)


def test_the_key_of_a_likelihoods_prior_is_named() -> None:
    configured = {"alpha": distribution({"kind": "uniform", "low": 0.0, "high": None})}
    keys = {"alpha": "likelihood.parts.jla.prior.alpha"}
    with pytest.raises(ConfigError, match=r"^likelihood\.parts\.jla\.prior\.alpha"):
        prior_of(("alpha",), configured, {}, Prior(), keys=keys)
