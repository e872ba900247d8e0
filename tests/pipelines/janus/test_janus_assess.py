"""What a report says of each parameter, of draws whose posterior is known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_linear import chain
from janus_study import Study, sampled

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import Convergence, Sampler
from app.datasets.observations.kinds import Observations, Rates
from app.pipelines.janus import assess
from app.pipelines.janus.assembly import posterior_of
from app.pipelines.janus.assess import assessed
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.flatness import flat_parameters
from app.pipelines.janus.posterior import Posterior

EMCEE = Sampler.model_validate({"kind": "emcee"})
GRID = Sampler.model_validate({"kind": "quadrature", "nodes": 32})
NOTHING = Path("none")  # these data are made
SLIGHT = """\
import numpy as np

x, weight = np.polynomial.legendre.leggauss(32)


def distance(z, theta):
    Om = theta[:, 0][:, None, None]
    path = 0.5 * z[None, :, None] * (1 + x)
    E = np.sqrt(Om * (1 + path) ** 3 + 1 - Om)
    return (1 + z) * 0.5 * z * (weight / E).sum(-1) * (1 + 1e-6 * theta[:, 1:2] * z)
"""


def cut_only() -> Posterior:
    """JANUS and rates up to z = 14, whose errors leave nothing but its domain: q0 > -1/28."""
    z = np.linspace(2.0, 14.0, 5)
    own = {
        "q0": {"kind": "uniform", "low": -0.4, "high": 0.0},
        "H0": {"kind": "uniform", "low": 50.0, "high": 100.0},
    }
    return posterior_of(
        Cosmology.model_validate({"kind": "janus", "name": "janus", "prior": own}),
        Likelihood.model_validate({"parts": {"rates": {"kind": "hubble_rates", "path": "r.csv"}}}),
        Prior(),
        Observations((Rates("rates", z, 70.0 * (1.0 + z), np.full(5, 1e18)),)),
    )


def told_of(draws: dict[str, Draws], posteriors: dict[str, Posterior], sampler: Sampler) -> Any:
    return assessed(draws, posteriors, sampler, Convergence(), 0)


def test_a_prior_cut_by_the_domain_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = cut_only()
    low = np.array([-1.0 / 28.0, 50.0])
    unit = np.random.default_rng(1).random((4, 500, 16, 2))
    theta = low + (np.array([0.0, 100.0]) - low) * unit
    draws = {"janus": chain(posterior.prior, theta, posterior)}
    assert np.ptp(draws["janus"].log_likelihood) < 1e-9
    for looked_for in (True, False):  # the draws tell by themselves
        if not looked_for:
            monkeypatch.setattr(assess, "flat_parameters", lambda *_: [])
        model = told_of(draws, {"janus": posterior}, EMCEE)["models"]["janus"]
        assert model["prior_outside_domain"] == pytest.approx(1.0 - 1.0 / 28.0 / 0.4, abs=0.02)
        # ln(0.4 * 28) = 2.4 against the whole prior
        gains = [row["gain"] for row in model["parameters"].values()]
        assert gains == pytest.approx([0.0, 0.0], abs=0.003)
        assert model["unconstrained"] == ["q0", "H0"]
        assert model["on_bounds"] == []


def test_what_the_data_do_not_depend_on_is_unconstrained_whatever_few_draws_show() -> None:
    posterior = cut_only()
    theta = np.random.default_rng(2).uniform([-0.01, 60.0], [-0.001, 61.0], (4, 20, 4, 2))
    draws = {"janus": chain(posterior.prior, theta, posterior)}
    model = told_of(draws, {"janus": posterior}, EMCEE)["models"]["janus"]
    assert model["parameters"]["q0"]["gain"] is None
    assert model["unconstrained"] == ["q0", "H0"]


@pytest.fixture
def slight(tmp_path: Path) -> tuple[dict[str, Posterior], dict[str, Draws]]:
    """Flat LCDM, and with a parameter that changes distances by a millionth, on made data."""
    module = tmp_path / "slight.py"
    module.write_text(SLIGHT)
    studies = {
        "lcdm": ["cosmology=lcdm"],
        "distances": [
            *("cosmology=distances", f"cosmology.module={module}"),
            "+cosmology.prior.Om={kind: uniform, low: 0, high: 1}",
            "+cosmology.prior.e={kind: uniform, low: 0, high: 1}",
        ],
    }
    posteriors, draws = {}, {}
    for name, overrides in studies.items():
        study = Study.of([*overrides, "likelihood=simulated", "rivals=none"], NOTHING)
        posteriors[name] = study.posterior()
        draws[name] = sampled(tmp_path / name, posteriors[name], study, sampler=GRID.root)
    return posteriors, draws


def test_a_parameter_of_hardly_any_effect_is_no_evidence_against_its_model(
    slight: tuple[dict[str, Posterior], dict[str, Draws]],
) -> None:
    posteriors, draws = slight
    assert flat_parameters(posteriors["distances"], np.random.default_rng(0)) == []
    told = told_of(draws, posteriors, GRID)
    second = told["comparison"][1]
    assert told["models"]["distances"]["unconstrained"] == ["e"]
    assert [second["delta_deviance"], second["delta_chi2"]] == pytest.approx([0.0, 0.0], abs=1e-3)
    n = told["models"]["lcdm"]["criteria"]["n_data"]
    assert second["delta_bic"] == pytest.approx(np.log(n), abs=1e-3)  # of one parameter more
    assert second["verdict"] == "inconclusive"  # ln B is 0
    without = {name: replace(one, ln_z=None, ln_z_sd=None) for name, one in draws.items()}
    told = told_of(without, posteriors, GRID)
    assert told["comparison"][1]["verdict"] == "none: the data say nothing of e (distances)"
    assert told["preferred"] is None
    assert "the data say nothing of e (distances)" in told["preferred_sentence"]


def test_a_scatter_of_its_own_is_another_covariance() -> None:
    posteriors, draws = {}, {}
    scatter = "+cosmology.prior.sigma_int={kind: uniform, low: 0, high: 0.2}"
    free = ["likelihood.intrinsic_scatter=free", scatter]
    for name, chosen in {"lcdm": [], "scattered": free}.items():
        overrides = ["cosmology=lcdm", "likelihood=simulated", "rivals=none", *chosen]
        posterior = Study.of(overrides, NOTHING).posterior()
        posterior.identity["data"] = "the same"
        theta = posterior.prior.draw(np.random.default_rng(3), 4 * 20 * 4)
        posteriors[name] = posterior
        draws[name] = chain(posterior.prior, theta.reshape(4, 20, 4, -1), posterior)
    told = told_of(draws, posteriors, EMCEE)
    first, second = told["comparison"]
    assert first["delta_chi2"] == 0.0
    assert second["delta_chi2"] is None
    best = {name: one["criteria"] for name, one in told["models"].items()}
    expected = -2.0 * (best["scattered"]["ln_l_max"] - best["lcdm"]["ln_l_max"])
    assert second["delta_deviance"] == pytest.approx(expected, rel=1e-12)
    assert expected <= 1e-6  # no scatter is one of its scatters
