"""Diagnostics against theory and against arviz."""

import numpy as np
import pytest
from scipy.signal import lfilter

from app.pipelines.janus import diagnostics


def ar1(phi, shape, rng):
    """Stationary AR(1) walkers of unit variance, (E, S, W, d); tau = (1 + phi) / (1 - phi)."""
    noise = rng.standard_normal(shape)
    noise[:, 1:] *= np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.98])
def test_autocorrelation_time_is_that_of_ar1(phi):
    chains = ar1(phi, (4, 10_000, 16, 2), np.random.default_rng(1))
    times = diagnostics.autocorrelation_times(chains)
    assert times.shape == (4, 2)
    assert times.mean() == pytest.approx((1.0 + phi) / (1.0 - phi), rel=0.06)
    assert times == pytest.approx((1.0 + phi) / (1.0 - phi), rel=0.4)


def test_effective_size_of_one_slow_chain_is_what_theory_gives():
    # 60,280 draws that are worth 96: tau = 628
    phi = 627.0 / 629.0
    sizes = np.empty(24)
    for seed in range(24):
        chain = ar1(phi, (1, 60_280, 1, 1), np.random.default_rng(seed))
        times = diagnostics.autocorrelation_times(chain)
        sizes[seed] = diagnostics.effective_sizes(times, 60_280)[0]
    assert 1.0 / np.mean(1.0 / sizes) == pytest.approx(96.0, rel=0.2)
    assert sizes.max() < 400.0


def test_the_mean_of_short_chains_does_not_hide_a_part_of_tau():
    chains = ar1(0.8, (1, 300, 2000, 1), np.random.default_rng(20))
    times = [
        diagnostics.autocorrelation_times(chains[:, :, walker, None])[0, 0]
        for walker in range(2000)
    ]
    # 33 tau long: a third would be lost, were it not put back; noise leaves a tenth
    assert np.mean(times) == pytest.approx(9.0, rel=0.12)


def test_effective_size_is_summed_over_ensembles_and_scaled_as_the_variance_of_means():
    rng = np.random.default_rng(2)
    phi = 0.9
    means = [ar1(phi, (4, 400, 8, 1), rng).mean() for _ in range(400)]
    chains = ar1(phi, (4, 400, 8, 1), rng)
    size = diagnostics.effective_sizes(diagnostics.autocorrelation_times(chains), 400 * 8)[0]
    assert 1.0 / np.var(means) == pytest.approx(size, rel=0.25)


def test_long_chains_agree_with_emcee():
    emcee = pytest.importorskip("emcee")
    chains = ar1(0.9, (1, 40_000, 8, 1), np.random.default_rng(3))
    own = diagnostics.autocorrelation_times(chains)[0, 0]
    theirs = emcee.autocorr.integrated_time(chains[0, :, :, 0])[0]
    assert own == pytest.approx(theirs, rel=0.03)


def test_walkers_that_stay_apart_have_a_long_time():
    # Each is white noise about its own place: emcee's estimate, about their own means, is 1
    rng = np.random.default_rng(4)
    chains = rng.standard_normal((1, 2000, 16, 1)) + 5.0 * (np.arange(16) % 2)[None, None, :, None]
    assert diagnostics.autocorrelation_times(chains)[0, 0] > 500.0


def test_short_and_constant_chains_have_no_time():
    rng = np.random.default_rng(5)
    assert np.isnan(diagnostics.autocorrelation_times(rng.random((2, 9, 4, 2)))).all()
    chains = rng.random((2, 50, 4, 2))
    chains[..., 1] = 0.3
    times = diagnostics.autocorrelation_times(chains)
    assert np.isfinite(times[:, 0]).all()
    assert np.isnan(times[:, 1]).all()
    assert np.isnan(diagnostics.effective_sizes(times, 200)[1])


@pytest.mark.parametrize(
    "chains",
    [
        np.random.default_rng(6).standard_normal((4, 501)),
        np.random.default_rng(7).standard_normal((3, 200)) + np.arange(3)[:, None],
        np.random.default_rng(8).standard_normal((4, 300)) * [[1.0], [1.0], [1.0], [3.0]],
        np.random.default_rng(9).standard_cauchy((2, 1000)),
        np.round(np.random.default_rng(10).standard_normal((4, 100)), 1),  # ties
    ],
    ids=["well mixed", "apart", "of different widths", "heavy tails", "ties"],
)
def test_rhat_is_that_of_arviz(chains):
    arviz = pytest.importorskip("arviz")
    assert diagnostics.rhat(chains) == pytest.approx(float(arviz.rhat(chains)), abs=1e-10)


def test_rhat_that_is_not_defined():
    assert np.isnan(diagnostics.rhat(np.ones((4, 100))))
    assert np.isnan(diagnostics.rhat(np.random.default_rng(11).random((4, 3))))
    assert diagnostics.split_rhat(np.random.default_rng(11).random((1, 100, 4, 2))) is None
    stuck_apart = np.repeat(np.arange(4.0)[:, None], 100, axis=1)
    assert diagnostics.rhat(stuck_apart) == np.inf


def test_rhat_is_over_ensembles_and_not_over_walkers():
    # Walkers spread by 3 that hardly move: R-hat of walkers is far above 1, of ensembles is not
    rng = np.random.default_rng(12)
    chains = 0.1 * rng.standard_normal((4, 200, 64, 1)) + 3.0 * rng.standard_normal((1, 1, 64, 1))
    over_walkers = diagnostics.rhat(chains[0, :, :, 0].T)
    assert over_walkers > 1.5
    assert diagnostics.split_rhat(chains)[0] < 1.01


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0, 3.0])
def test_pareto_k_is_that_of_arviz(scale):
    arviz = pytest.importorskip("arviz")
    log_weight = scale * np.random.default_rng(13).standard_normal(4000)
    theirs = float(arviz.psislw(log_weight.copy())[1])
    assert diagnostics.pareto_k(log_weight.reshape(4, 1000)) == pytest.approx(theirs, abs=1e-10)
    log_weight[:1500] = -np.inf  # draws outside the prior
    theirs = float(arviz.psislw(log_weight.copy())[1])
    assert diagnostics.pareto_k(log_weight) == pytest.approx(theirs, abs=1e-10)


def test_pareto_k_of_a_proposal_with_too_light_tails_is_above_its_limit():
    # Posterior N(0, 1), proposal N(0, 0.5): weights have k = 1 - 0.25 = 0.75 at best, no variance
    rng = np.random.default_rng(14)
    x = 0.4 * rng.standard_normal(50_000)
    assert diagnostics.pareto_k(-0.5 * x**2 + 0.5 * (x / 0.4) ** 2) > 0.7
    spiked = np.r_[np.zeros(1000), 9.0]
    assert diagnostics.pareto_k(spiked) == np.inf  # no tail to be told of


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # of arviz
def test_weights_that_are_even_have_no_heavy_tail():
    # a plateau, and a few draws that rise from it to twice as much, beside the end of a prior
    rng = np.random.default_rng(20)
    weight = np.r_[0.6866 + 3e-4 * rng.random(30_000), 0.6866 + 0.3134 * rng.random(300)]
    arviz = pytest.importorskip("arviz")
    assert float(arviz.psislw(np.log(weight))[1]) > 2.0
    assert diagnostics.pareto_k(np.log(weight)) <= 0.5
    assert diagnostics.pareto_k(np.zeros(1000)) <= 0.5
    heavy = [np.log(rng.pareto(1 / 0.8, 2000) + 1.0) for _ in range(20)]
    assert np.median([diagnostics.pareto_k(one) for one in heavy]) == pytest.approx(0.8, abs=0.1)


def test_kish_size_of_weights():
    assert diagnostics.kish_size(np.full(50, 0.02)) == pytest.approx(50.0)
    assert diagnostics.kish_size(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(2.0)
    assert diagnostics.kish_size(np.array([1.0, 0.0])) == pytest.approx(1.0)


def test_error_of_a_weighted_mean_is_its_scatter_over_repetitions():
    rng = np.random.default_rng(15)

    def draw():
        x = 1.5 * rng.standard_normal((500, 1))
        return x, diagnostics.weights_of(-0.5 * x[:, 0] ** 2 + 0.5 * (x[:, 0] / 1.5) ** 2)

    means = [weight @ x[:, 0] for x, weight in (draw() for _ in range(1000))]
    errors = [diagnostics.weighted_errors(*draw())[1][0] for _ in range(50)]
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.08)


def test_populations_that_see_the_same_have_an_rhat_of_one():
    rng = np.random.default_rng(16)
    theta = 1.5 * rng.standard_normal((4, 2000, 2))
    weight = diagnostics.weights_of((-0.5 * theta**2 + 0.5 * (theta / 1.5) ** 2).sum(axis=2))
    assert diagnostics.rhat_of_populations(theta, weight) == pytest.approx(1.0, abs=0.003)
    assert diagnostics.rhat_of_populations(theta[:1], weight[:1] / weight[:1].sum()) is None


def test_equal_weights_give_nearly_the_rhat_of_chains():
    rng = np.random.default_rng(17)
    theta = rng.standard_normal((4, 2000, 1)) + 0.3 * np.arange(4)[:, None, None]
    weight = np.full((4, 2000), 1.0 / 8000)
    weighted = diagnostics.rhat_of_populations(theta, weight)[0]
    assert weighted == pytest.approx(diagnostics.rhat(theta[:, :, 0]), rel=0.01)


def test_a_population_that_missed_a_mode_disagrees_on_the_evidence():
    rng = np.random.default_rng(18)
    weight = rng.exponential(size=(4, 3000))
    assert diagnostics.populations_disagree(weight) > 1e-4
    weight[2] *= 0.5
    assert diagnostics.populations_disagree(weight) < 1e-10
    assert diagnostics.populations_disagree(weight[:1]) is None


def test_p_of_evidences_is_uniform_where_they_agree():
    rng = np.random.default_rng(19)
    p = [diagnostics.populations_disagree(rng.exponential(size=(4, 500))) for _ in range(400)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.05)
