"""Best fits to 1e-8 in chi2, and criteria against closed forms of a linear model and arviz."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from janus_linear import Flat, Line, chain, weighted

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.pipelines.janus import on_data
from app.pipelines.janus.best_fit import BestFit, best_fit
from app.pipelines.janus.information import Data, criteria
from app.pipelines.janus.posterior import Posterior

ROOT = Path(__file__).parents[3]
DATA = ROOT / "../shared/data"


def data_of(line, offsets=0):
    n = len(line.y)
    return Data(n, n, offsets, line.chi2, line.chi2, line.pointwise)


def told_of(line, draws, offsets=0):
    posterior = line.posterior()
    best = best_fit(draws, posterior)
    return criteria(draws, posterior, best, data_of(line, offsets), np.random.default_rng(0))


def test_the_best_fit_of_a_line_is_least_squares():
    line = Line()
    found = best_fit(line.draws(), line.posterior())
    assert found.settled
    assert float(line.chi2(found.theta[None])[0]) - line.chi2_min < 1e-8
    assert found.theta == pytest.approx(line.best, abs=1e-5)
    assert found.log_likelihood == pytest.approx(line.constant - 0.5 * line.chi2_min, abs=1e-8)


def test_a_best_fit_on_a_bound_stays_inside_the_prior():
    line = Line(bounds=((-10.0, 0.5), (-10.0, 10.0)))
    theta = np.array([0.4, 0.0]) + 0.02 * np.random.default_rng(1).standard_normal((4, 50, 10, 2))
    found = best_fit(chain(line.prior, theta, line.posterior()), line.posterior())
    # With slope = 0.5, the level is the mean of what is left
    x = line.design[:, 0]
    level = np.mean(line.y - 0.5 * x)
    least = float(line.chi2(np.array([[0.5, level]]))[0])
    assert found.theta[0] <= 0.5
    assert float(line.chi2(found.theta[None])[0]) - least < 1e-8
    assert np.isfinite(found.log_likelihood)


def test_a_correlated_and_curved_likelihood_in_five_dimensions():
    rng = np.random.default_rng(2)
    factor = np.tril(rng.standard_normal((5, 5))) + 3.0 * np.eye(5)
    scale = np.array([1e-3, 1.0, 50.0, 1.0, 0.1])

    def chi2(theta):
        y = (theta / scale) @ factor
        y[:, 1] += 0.3 * y[:, 0] ** 2
        return (y**2).sum(axis=1) + 0.1 * (y**4).sum(axis=1)

    prior = Flat(tuple("abcde"), np.array([[-1.0, 1.0]] * 5) * 100 * scale[:, None])
    posterior = Posterior(prior, lambda theta: -0.5 * chi2(theta), identity={})
    y = rng.standard_normal((4, 200, 10, 5))
    theta = (y @ np.linalg.inv(factor)) * scale + 0.3 * scale
    found = best_fit(chain(prior, theta, posterior), posterior)
    assert found.settled
    assert 0.0 <= -2.0 * found.log_likelihood < 1e-8


def test_the_higher_of_two_modes_is_found_though_a_draw_of_the_lower_is_best():
    prior = Flat(("a",), np.array([[-20.0, 20.0]]))

    def log_likelihood(theta):
        a = theta[:, 0]
        return np.logaddexp(-0.5 * (a - 5.0) ** 2, -0.5 * ((a + 5.0) / 0.3) ** 2 + 0.2)

    posterior = Posterior(prior, log_likelihood, identity={})
    theta = np.concatenate([np.linspace(4.999, 5.001, 20), np.linspace(-5.9, -5.3, 20)])
    found = best_fit(chain(prior, theta.reshape(1, 40, 1, 1), posterior), posterior)
    assert found.theta[0] == pytest.approx(-5.0, abs=1e-4)
    assert found.log_likelihood == pytest.approx(0.2, abs=1e-9)


@pytest.mark.parametrize("top", [(0.7, 0.295), (1.0, 1.0), (1.0, 0.3), (0.6, 0.9)])
@pytest.mark.parametrize("seed", range(4))
def test_a_domain_that_ends_inside_the_prior(top, seed):
    # As 1 + 2 q0 z > 0: the likelihood is 0 past a + b = 1, where it may still rise
    prior = Flat(("a", "b"), np.array([[-5.0, 5.0], [-5.0, 5.0]]))

    def log_likelihood(theta):
        value = -0.5 * (((theta - top) / 0.3) ** 2).sum(axis=1)
        return np.where(theta.sum(axis=1) < 1.0, value, -np.inf)

    posterior = Posterior(prior, log_likelihood, identity={})
    theta = top + 0.3 * np.random.default_rng(seed).standard_normal((40_000, 2))
    theta = theta[np.isfinite(log_likelihood(theta))][:320].reshape(4, 8, 10, 2)
    found = best_fit(chain(prior, theta, posterior), posterior)
    beyond = max(sum(top) - 1.0, 0.0)
    assert found.settled
    assert -2.0 * found.log_likelihood - 0.5 * (beyond / 0.3) ** 2 < 1e-8


def test_aic_bic_and_chi2_by_hand():
    line = Line(n=30)
    told = told_of(line, line.draws())
    deviance = line.chi2_min + 30 * np.log(2 * np.pi * 0.3**2)
    assert told["k"] == 2
    assert told["dof"] == 28
    assert told["n_data"] == told["n_gaussian"] == 30
    assert told["chi2_min"] == pytest.approx(line.chi2_min, abs=1e-8)
    assert told["chi2_gaussian"] == told["chi2_min"]
    assert told["chi2_dof"] == pytest.approx(line.chi2_min / 28)
    assert told["ln_l_max"] == pytest.approx(-0.5 * deviance, abs=1e-8)
    assert told["aic"] == pytest.approx(deviance + 4.0)
    assert told["aicc"] == pytest.approx(deviance + 4.0 + 2 * 2 * 3 / 27)
    assert told["bic"] == pytest.approx(deviance + 2.0 * np.log(30))
    json.dumps(told, allow_nan=False)


def test_offsets_count_as_parameters():
    line = Line(n=30)
    alone, with_offset = told_of(line, line.draws()), told_of(line, line.draws(), offsets=1)
    assert with_offset["k"] == 3
    assert with_offset["dof"] == 27
    assert with_offset["bic"] - alone["bic"] == pytest.approx(np.log(30))


def test_aicc_is_told_of_any_number_of_data_that_it_is_defined_for():
    # so that of two models, of k and k + 1 parameters, not one has it and the other not
    for n in (4, 79, 80, 500):
        told = told_of(Line(n=n), Line(n=n).draws())
        assert told["aicc"] == pytest.approx(told["aic"] + 2 * 2 * 3 / (n - 3))
    line = Line(n=3)
    told = told_of(line, line.draws())
    assert told["aicc"] is None  # its denominator is 0
    assert told["dof"] == 1


def one_sided(line, n_gaussian):
    """The line's data, and 50 more that nothing is learned from."""
    data = data_of(line)
    return replace(
        data,
        count=n_gaussian + 50,
        gaussian=n_gaussian,
        chi2=lambda theta: line.chi2(theta) + 0.5,
        pointwise=lambda theta: np.hstack([line.pointwise(theta), np.zeros((len(theta), 50))]),
    )


def test_one_sided_data_are_no_degrees_of_freedom():
    line = Line(n=30)
    posterior = line.posterior()
    best = best_fit(line.draws(), posterior)
    alone = told_of(line, line.draws())
    rng = np.random.default_rng(0)
    told = criteria(line.draws(), posterior, best, one_sided(line, 30), rng)
    assert (told["n_data"], told["n_gaussian"], told["dof"]) == (80, 30, 28)
    assert told["chi2_min"] == pytest.approx(line.chi2_min + 0.5)
    for same in ("chi2_gaussian", "chi2_dof", "aicc", "bic", "waic"):
        assert told[same] == pytest.approx(alone[same])


def test_data_that_give_no_chi2_have_none():
    line = Line(n=30)
    posterior = line.posterior()
    best = best_fit(line.draws(), posterior)
    for n_gaussian in (0, 2):
        data = replace(one_sided(line, n_gaussian), count=80)
        told = criteria(line.draws(), posterior, best, data, np.random.default_rng(0))
        assert told["dof"] is told["chi2_dof"] is told["aicc"] is None
        assert (told["chi2_gaussian"] is None) == (told["bic"] is None) == (n_gaussian == 0)
        json.dumps(told, allow_nan=False)


def test_dic_of_a_line_counts_its_parameters():
    line = Line(n=60)
    told = told_of(line, line.draws(count=40_000))
    assert told["p_dic"] == pytest.approx(2.0, abs=0.05)
    assert told["dic"] == pytest.approx(2.0 * -told["ln_l_max"] + 4.0, abs=0.05)


def test_dic_of_a_grid_is_exact():
    line = Line(n=60)
    x = np.linspace(-7.0, 7.0, 61)
    y = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    theta = line.best + y @ np.linalg.cholesky(line.covariance).T
    draws = weighted(line.prior, theta[None], -0.5 * (y**2).sum(axis=1)[None], line.posterior())
    told = told_of(line, draws)
    assert told["p_dic"] == pytest.approx(2.0, abs=1e-6)
    # WAIC of a Gaussian, for each datum with leverage h of its mean and residual r (in errors):
    # variance of ln L = h^2/2 + h r^2, and
    # ln of the mean of L = -ln(2 pi sd^2)/2 - ln(1+h)/2 - r^2/(2+2h)
    h = np.einsum("ni,ij,nj->n", line.design, line.covariance, line.design) / line.sd**2
    r = (line.y - line.design @ line.best) / line.sd
    p = h**2 / 2 + h * r**2
    fit = -0.5 * np.log(2 * np.pi * line.sd**2) - 0.5 * np.log1p(h) - 0.5 * r**2 / (1 + h)
    assert told["p_waic"] == pytest.approx(p.sum(), abs=1e-6)
    assert told["waic"] == pytest.approx(-2.0 * (fit.sum() - p.sum()), abs=1e-6)


def test_waic_is_that_of_arviz():
    arviz = pytest.importorskip("arviz")
    line = Line(n=40)
    draws = line.draws(count=2000)
    told = told_of(line, draws)
    pointwise = line.pointwise(draws.theta.reshape(-1, 2)).reshape(4, -1, 40)
    theirs = arviz.waic(
        arviz.from_dict(
            posterior={"slope": draws.theta[..., 0].reshape(4, -1)},
            log_likelihood={"y": pointwise},
        ),
        scale="deviance",
    )
    assert told["waic"] == pytest.approx(float(theirs.elpd_waic), abs=1e-8)
    assert told["p_waic"] == pytest.approx(float(theirs.p_waic), abs=1e-8)


def test_many_draws_are_thinned_for_waic_without_bias():
    line = Line(n=40)
    few, many = told_of(line, line.draws(count=4000)), told_of(line, line.draws(count=40_000))
    assert many["waic"] == pytest.approx(few["waic"], abs=0.3)


def test_what_is_not_defined_is_none():
    line = Line()
    draws, posterior = line.draws(), line.posterior()
    best = BestFit(line.best, line.constant - 0.5 * line.chi2_min, True)
    told = criteria(draws, posterior, best, None, np.random.default_rng(0))
    undefined = {"n_data", "n_gaussian", "dof", "chi2_min", "chi2_gaussian", "chi2_dof"}
    undefined |= {"aicc", "bic", "waic", "p_waic", "n_varying"}
    assert {key for key, value in told.items() if value is None} == undefined
    assert told["aic"] == pytest.approx(-2.0 * best.log_likelihood + 4.0)


def test_a_mean_outside_the_domain_has_no_dic():
    prior = Flat(("a",), np.array([[-3.0, 3.0]]))

    def log_likelihood(theta):
        return np.where(np.abs(theta[:, 0]) > 1.0, -((np.abs(theta[:, 0]) - 2.0) ** 2), -np.inf)

    posterior = Posterior(prior, log_likelihood, identity={})
    theta = np.where(np.arange(400) % 2, 2.0, -2.0).reshape(4, 10, 10, 1)
    theta = theta + 0.1 * np.random.default_rng(4).standard_normal(theta.shape)
    draws = chain(prior, theta, posterior)
    told = criteria(
        draws, posterior, BestFit(np.array([2.0]), 0.0, True), None, np.random.default_rng(0)
    )
    assert told["dic"] is None
    assert told["p_dic"] is None


def test_draws_of_no_weight_do_not_count():
    line = Line()
    theta = line.draws(count=400).theta.reshape(1, -1, 2)
    outside = np.concatenate([theta, np.full((1, 5, 2), 99.0)], axis=1)
    log_weight = np.concatenate([np.zeros((1, 400)), np.full((1, 5), -np.inf)], axis=1)
    own = told_of(line, weighted(line.prior, theta, np.zeros((1, 400)), line.posterior()))
    same = told_of(line, weighted(line.prior, outside, log_weight, line.posterior()))
    assert same["dic"] == pytest.approx(own["dic"], abs=1e-6)
    assert same["waic"] == pytest.approx(own["waic"], abs=1e-6)


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the project")
@pytest.mark.parametrize(
    ("name", "best", "chi2"), [("janus", -0.0660, 41.895), ("lcdm", 0.2945, 33.621)]
)
def test_best_fits_of_jla_binned_are_the_known_ones(name, best, chi2):
    # 31x31 covariance, one offset marginalised; Betoule et al. (2014): Om = .295, chi2 = 33.62
    from app.datasets.observations.dataset import read
    from app.pipelines.janus.assembly import posterior_of

    def conf(path):
        return yaml.safe_load((ROOT / "conf" / path).read_text())

    likelihood = Likelihood(**conf("likelihood/jla_binned.yaml"))
    observations = read(likelihood, DATA, 0)
    cosmology = Cosmology(conf(f"cosmology/{name}.yaml"))
    posterior = posterior_of(cosmology, likelihood, Prior(), observations)
    theta = posterior.prior.draw(np.random.default_rng(5), 2000)[None]
    log_weight = posterior.log_likelihood(theta[0])[None]
    draws = weighted(posterior.prior, theta, log_weight, posterior)
    found = best_fit(draws, posterior)
    data = on_data.data_of(posterior)
    told = criteria(draws, posterior, found, data, np.random.default_rng(0))
    assert found.settled
    assert found.theta[0] == pytest.approx(best, abs=6e-5)
    assert told["chi2_min"] == pytest.approx(chi2, abs=6e-4)
    assert told["dof"] == 29
    assert told["p_dic"] == pytest.approx(1.0, abs=0.2)
    # -2 ln of all data, each predicted from a posterior of the other 30, refitted
    assert told["waic"] == pytest.approx({"janus": -83.341, "lcdm": -89.172}[name], abs=0.1)
