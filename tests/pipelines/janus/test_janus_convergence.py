"""Convergence is claimed where it is true, and what is short is said with the number to be met."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from janus_linear import Flat, chain, weighted
from scipy.signal import lfilter

from app.config.janus.sampler import JUDGED, Convergence
from app.pipelines.janus.convergence import check_chain, check_weighted
from app.pipelines.janus.judgement import judge

TARGETS = Convergence()
PRIOR = Flat(("Om", "w"), np.array([[-9.0, 9.0], [-9.0, 9.0]]))


def ar1(phi, shape, seed):
    noise = np.random.default_rng(seed).standard_normal(shape)
    noise[:, 1:] *= np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


def checked(theta, before=None, acceptance=0.4, targets=TARGETS, names=PRIOR.names):
    """The check of a chain, whose tau was the same at the look before unless told."""
    e, s, w, _ = theta.shape
    if before is None and s >= 10:
        before = check_chain(theta, np.zeros((e, w)), s, None, targets).tau
    return check_chain(theta, np.full((e, w), acceptance * s), s, before, targets, names)


def test_good_chains_have_converged():
    check = checked(ar1(0.9, (4, 2000, 16, 2), 1))
    assert check.unmet == []
    assert check.converged
    assert check.tau == pytest.approx(19.0, rel=0.2)
    assert check.ess == pytest.approx(4 * 2000 * 16 / 19.0, rel=0.2)
    assert check.mcse == pytest.approx(np.sqrt(19.0 / (4 * 2000 * 16)), rel=0.1)
    assert (check.rhat < 1.01).all()
    assert check.acceptance == pytest.approx(0.4)
    assert check.pareto_k is None


def test_ensembles_stuck_in_two_places_have_not_converged():
    theta = ar1(0.5, (4, 3000, 16, 2), 2)
    theta[2:, ..., 0] += 12.0
    check = checked(theta)
    assert any(said.startswith("R-hat of Om is ") for said in check.unmet)
    assert check.rhat[0] > 1.5
    assert check.rhat[1] < 1.01
    assert check.ess[0] < 400.0 < check.ess[1]


def test_walkers_of_every_ensemble_stuck_in_two_places_have_not_converged():
    # Ensembles agree, so R-hat is 1; no walker ever goes over
    theta = ar1(0.5, (4, 3000, 16, 2), 3)
    theta[:, :, ::2, 0] += 12.0
    check = checked(theta)
    assert (check.rhat < 1.01).all()
    assert any("autocorrelation times of Om" in said for said in check.unmet)


@pytest.mark.parametrize("steps", [2, 3, 9])
def test_a_chain_of_a_few_steps_has_not_converged(steps):
    check = checked(ar1(0.0, (4, steps, 32, 2), 4))
    assert check.unmet == [f"{steps} steps are too few to tell anything; at least 10"]
    assert check.tau is None
    assert check.ess is None
    assert check.rhat is None


def test_chains_shorter_than_their_tau_have_not_converged():
    check = checked(ar1(0.998, (4, 300, 32, 1), 5), names=["Om"])
    assert not check.converged
    assert check.ess[0] < 400.0


def test_a_parameter_that_never_moved_has_not_converged():
    theta = ar1(0.5, (4, 1000, 16, 2), 6)
    theta[..., 1] = -1.0
    check = checked(theta)
    assert "w never moved: nothing is known of it" in check.unmet
    assert not any("Om" in said for said in check.unmet)
    assert not checked(np.ones((4, 1000, 16, 2))).converged


def test_sentences_give_the_number_to_be_met():
    theta = ar1(0.9, (4, 600, 8, 1), 7)
    theta[0] += 0.5
    check = checked(theta, before=np.array([5.0]), acceptance=0.05, names=["Om"])
    said = "\n".join(check.unmet)
    assert f"R-hat of Om is {check.rhat[0]:.4g}, above 1.01" in said
    assert f"(tau = {check.tau[0]:.4g}), below 50" in said
    assert "% since the look before, above 5 %" in said
    assert "acceptance of ensemble 1 is 0.05, below 0.1" in said
    few = checked(theta, targets=Convergence(ess=1e6, mcse=1e-4), names=["Om"])
    said = "\n".join(few.unmet)
    assert f"effective sample size of Om is {few.ess[0]:.4g}, below 1000000" in said
    assert "standard error of the mean of Om is" in said
    assert "standard deviations, above 0.0001" in said


@pytest.mark.parametrize("nearness", [0.5, 1e-4, 1e-9])
def test_a_value_just_above_its_target_reads_so(nearness):
    theta = ar1(0.9, (4, 2000, 16, 1), 8)
    rhat = checked(theta, names=["Om"]).rhat[0]
    limit = 1.0 + (rhat - 1.0) * (1.0 - nearness)
    (said,) = checked(theta, targets=Convergence(rhat=limit), names=["Om"]).unmet
    value, target = said.removeprefix("R-hat of Om is ").split(", above ")
    assert float(value) > float(target) == pytest.approx(limit, abs=1e-11)


def test_the_first_look_does_not_tell_that_tau_is_stable():
    theta = ar1(0.5, (4, 1000, 16, 1), 9)
    check = check_chain(theta, np.full((4, 16), 400), 1000, None, TARGETS, ["Om"])
    assert check.unmet == [
        f"tau of Om ({check.tau[0]:.4g}) was looked at once: it is not known to be stable"
    ]


def test_walkers_that_accept_nothing_are_counted():
    theta = ar1(0.5, (2, 1000, 16, 1), 10)
    accepted = np.full((2, 16), 400)
    accepted[1, 3] = 0
    check = check_chain(
        theta, accepted, 1000, check_chain(theta, accepted, 1000, None, TARGETS).tau, TARGETS
    )
    assert check.unmet == ["1 of 32 walkers never moved"]


def test_one_ensemble_has_no_rhat():
    check = checked(ar1(0.5, (1, 2000, 16, 2), 11))
    assert check.rhat is None
    assert check.converged


def gaussian_weights(populations, count, scale, seed):
    theta = scale * np.random.default_rng(seed).standard_normal((populations, count, 2))
    return theta, (-0.5 * theta**2 + 0.5 * (theta / scale) ** 2).sum(axis=2)


def test_good_weights_have_converged():
    theta, log_weight = gaussian_weights(4, 2000, 1.3, 12)
    check = check_weighted(theta[:, :, None], log_weight[:, :, None], 0.002, TARGETS, PRIOR.names)
    assert check.unmet == []
    assert check.tau is None
    assert check.acceptance is None
    assert check.pareto_k < 0.7
    assert (check.rhat < 1.01).all()
    # sum w^2 of a Gaussian from one wider by s, for each dimension: ESS = n sqrt(2 s^2 - 1) / s^2
    s2 = 1.3**2
    weight = np.exp(log_weight)
    kish = weight.sum() ** 2 / (weight**2).sum()
    assert kish == pytest.approx(8000 * (2 * s2 - 1) / s2**2, rel=0.03)


def test_weights_of_a_narrow_proposal_have_not_converged():
    theta, log_weight = gaussian_weights(4, 2000, 0.4, 13)
    check = check_weighted(theta, log_weight, 0.002, TARGETS, PRIOR.names)
    assert any(said.startswith("Pareto k of the weights is ") for said in check.unmet)


def test_few_draws_and_a_poor_evidence_are_told():
    theta, log_weight = gaussian_weights(4, 60, 1.3, 14)
    check = check_weighted(theta, log_weight, 0.0512, TARGETS, PRIOR.names)
    said = "\n".join(check.unmet)
    assert "effective sample size of the weights is " in said
    assert "effective sample size of Om is " in said
    assert "standard error of ln Z is 0.0512, above 0.003" in said


def test_a_population_that_missed_a_mode_has_not_converged():
    rng = np.random.default_rng(15)
    theta = 1.2 * rng.standard_normal((4, 3000, 1))
    theta[1:] += 8.0 * rng.integers(0, 2, (3, 3000, 1))
    half = np.log(
        0.5 * np.exp(-0.5 * (theta / 1.2) ** 2) + 0.5 * np.exp(-0.5 * ((theta - 8) / 1.2) ** 2)
    )
    whole = np.logaddexp(-0.5 * theta**2, -0.5 * (theta - 8.0) ** 2)
    log_weight = (whole - half)[..., 0]
    log_weight[0] = (whole[0] + 0.5 * (theta[0] / 1.2) ** 2)[:, 0]  # its proposal is one Gaussian
    check = check_weighted(theta, log_weight, 0.001, TARGETS, ["Om"])
    assert any("populations disagree on ln Z" in said for said in check.unmet)
    assert any(said.startswith("R-hat of Om") for said in check.unmet)


def test_weights_of_zero_and_draws_in_one_place():
    nothing = check_weighted(np.zeros((2, 50, 1)), np.full((2, 50), -np.inf), None, TARGETS)
    assert nothing.unmet == ["all 100 draws have a weight of 0"]
    same = check_weighted(np.ones((2, 50, 1)), np.zeros((2, 50)), None, TARGETS, ["Om"])
    assert "Om is the same in all draws: nothing is known of it" in same.unmet


def judged(theta, prior=PRIOR, kind="emcee", **told):
    return judge(chain(prior, theta, **told), TARGETS, prior, kind)


def test_a_judgement_is_json_and_by_name():
    theta = ar1(0.5, (4, 1000, 16, 2), 16)
    told = judged(theta)
    assert told.converged
    assert json.loads(json.dumps(asdict(told), allow_nan=False))["tau"].keys() == {"Om", "w"}
    assert told.unconstrained == []
    assert told.on_bounds == []
    theta[..., 1] = 0.5
    told = judged(theta)
    assert told.ess["w"] is None
    assert told.gain["w"] is None
    json.dumps(asdict(told), allow_nan=False)


def test_a_judgement_leaves_out_what_is_discarded():
    theta = ar1(0.5, (4, 2000, 16, 2), 17)
    theta[:, :1000] += np.arange(4)[:, None, None, None]
    assert not judged(theta).converged
    assert judged(theta, discard=1000).converged


def test_a_run_ended_by_its_steps_is_judged_by_the_tau_of_two_thirds():
    slower = np.concatenate(
        [ar1(0.5, (4, 2000, 16, 1), 18), ar1(0.95, (4, 2000, 16, 1), 19)], axis=1
    )
    told = judged(slower, Flat(("Om",), np.array([[-9.0, 9.0]])), ended="steps")
    assert any("since the look before" in said for said in told.unmet)


@pytest.mark.parametrize("kind", ["nautilus", "dynesty", "quadrature"])
def test_what_a_deadline_cut_short_has_not_converged(kind):
    theta, log_weight = gaussian_weights(1, 5000, 1.3, 20)
    whole = judge(weighted(PRIOR, theta, log_weight, ln_z_sd=0.001), TARGETS, PRIOR, kind)
    assert whole.converged
    assert whole.rhat is None
    assert whole.pareto_k is None
    cut = judge(weighted(PRIOR, theta, log_weight, ended="deadline"), TARGETS, PRIOR, kind)
    assert cut.unmet == ["the sampler was not done: it was ended by deadline"]


def test_a_grid_that_is_too_coarse_is_told_by_its_error():
    theta, log_weight = gaussian_weights(1, 5000, 1.3, 26)
    draws = weighted(PRIOR, theta, log_weight, ended="nodes", ln_z_sd=0.02)
    told = judge(draws, TARGETS, PRIOR, "quadrature")
    assert told.unmet == ["standard error of ln Z is 0.02, above 0.003"]


def test_a_grid_is_judged_by_the_error_of_its_means_too():
    theta, log_weight = gaussian_weights(1, 5000, 1.3, 26)
    details = {"mean_error": 0.2}
    draws = weighted(PRIOR, theta, log_weight, ended="nodes", ln_z_sd=0.001, details=details)
    told = judge(draws, TARGETS, PRIOR, "quadrature")
    assert told.unmet == ["error of the means is 0.2 standard deviations, above 0.05"]


def test_every_target_is_judged_for_some_sampler():
    assert {*Convergence.model_fields} == {"adaptive"}.union(*JUDGED.values())


def test_importance_draws_are_judged_as_they_were_checked():
    theta, log_weight = gaussian_weights(4, 2000, 1.3, 21)
    told = judge(weighted(PRIOR, theta, log_weight, ln_z_sd=0.01), TARGETS, PRIOR, "importance")
    assert told.unmet == ["standard error of ln Z is 0.01, above 0.003"]
    assert told.pareto_k < 0.7


def test_a_parameter_whose_posterior_is_its_prior_is_unconstrained():
    prior = Flat(("Om", "chi"), np.array([[-9.0, 9.0], [0.0, 2.0]]))
    rng = np.random.default_rng(22)
    theta = rng.standard_normal((4, 500, 16, 2))
    theta[..., 1] = 2.0 * rng.random((4, 500, 16))
    told = judged(theta, prior)
    assert told.unconstrained == ["chi"]
    assert told.on_bounds == []  # flat up to both
    # A Gaussian of sd 1 in a box of 18 gains ln 18 - ln sqrt(2 pi e), as seen in 16 cells
    assert told.gain["Om"] == pytest.approx(np.log(18.0) - 0.5 * np.log(2 * np.pi * np.e), abs=0.1)
    assert abs(told.gain["chi"]) < 0.005


def test_few_effective_draws_of_the_prior_are_no_information():
    prior = Flat(("chi",), np.array([[0.0, 2.0]]))
    gains = [
        judged(2.0 * np.random.default_rng(seed).random((4, 10, 16, 1)), prior).gain["chi"]
        for seed in range(20)
    ]
    assert np.mean(gains) == pytest.approx(0.0, abs=0.01)  # 0.012 of bias taken off


def test_a_posterior_on_a_bound_is_told():
    prior = Flat(("Om", "w"), np.array([[0.0, 1.0], [-3.0, 0.0]]))
    rng = np.random.default_rng(23)
    theta = np.empty((4, 500, 16, 2))
    theta[..., 0] = 0.3 + 0.03 * rng.standard_normal((4, 500, 16))
    theta[..., 1] = -np.abs(0.5 * rng.standard_normal((4, 500, 16)))
    assert judged(theta, prior).on_bounds == ["w"]
    theta[..., 1] = -3.0 + 0.2 * rng.exponential(size=(4, 500, 16))
    assert judged(theta, prior).on_bounds == ["w"]


@pytest.mark.parametrize(
    ("distance", "piled"), [(0.0, True), (0.5, True), (1.5, False), (4.0, False)]
)
def test_a_bound_is_piled_on_within_one_sd_of_the_top(distance, piled):
    x = np.random.default_rng(24).standard_normal(200_000)
    x = x[x > -distance][:64_000]
    prior = Flat(("Om",), np.array([[-distance, 30.0]]))
    assert (judged(x.reshape(4, 1000, 16, 1), prior).on_bounds == ["Om"]) is piled


def test_a_narrow_posterior_in_a_wide_prior_is_judged_too():
    prior = Flat(("Om",), np.array([[-1e9, 1e9]]))
    theta = 1e-3 * np.random.default_rng(25).standard_normal((4, 1000, 16, 1))
    told = judged(theta, prior)
    assert told.on_bounds == []
    assert told.gain["Om"] == pytest.approx(np.log(16.0), abs=1.0)


def test_a_grid_is_judged_without_noise():
    prior = Flat(("Om", "chi"), np.array([[-1.0, 8.0], [0.0, 2.0]]))
    nodes, mass = np.polynomial.legendre.leggauss(96)
    om, chi = np.meshgrid(3.5 + 4.5 * nodes, 1.0 + nodes, indexing="ij")
    theta = np.stack([om.ravel(), chi.ravel()], axis=1)[None]
    log_weight = (np.log(np.outer(mass, mass)) - 0.5 * (om - 3.0) ** 2).reshape(1, -1)
    told = judge(weighted(prior, theta, log_weight), TARGETS, prior, "quadrature")
    assert told.converged
    assert told.ess is None
    assert told.unconstrained == ["chi"]
    assert told.on_bounds == []
    shifted = log_weight - (0.5 * (om + 1.2) ** 2 - 0.5 * (om - 3.0) ** 2).reshape(1, -1)
    told = judge(weighted(prior, theta, shifted), TARGETS, prior, "quadrature")
    assert told.on_bounds == ["Om"]
