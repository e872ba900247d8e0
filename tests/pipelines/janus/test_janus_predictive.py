"""Posterior predictive checks, against data that are made anew."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_linear import Flat, weighted
from janus_study import Study

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.datasets.observations.kinds import Ages, Luminosities, Observations, Supernovae
from app.pipelines.janus.assembly import posterior_of
from app.pipelines.janus.best_fit import best_fit
from app.pipelines.janus.likelihood.luminosities import PARAMETERS
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.predictive import predictive_checks

DATA = Path(__file__).parents[3] / "../shared/data"
SCHECHTER = dict(zip(PARAMETERS, (-3.5, -20.8, -2.0, -0.2, 0.0, 0.0), strict=True))
AT = {"Om": 0.3, "H0": 70.0} | SCHECHTER
FLAT = {"kind": "uniform", "low": 0.0, "high": 1.0}
PARTS: dict[str, Any] = {
    "uv": {
        "kind": "luminosity_function",
        "path": "none",
        "prior": {name: {"kind": "uniform", "low": -30.0, "high": 1.0} for name in PARAMETERS},
    },
    "ages": {"kind": "galaxy_ages", "path": "none"},
    "sn": {"kind": "moduli", "path": "none"},
}


def luminosities(n: int = 40) -> Luminosities:
    """Points at 0, of errors that differ on either side; a quarter are limits."""
    rng = np.random.default_rng(4)
    return Luminosities(
        name="uv",
        z=rng.uniform(6.0, 12.0, n),
        M_uv=rng.uniform(-22.0, -18.0, n),
        log_phi=np.zeros(n),
        sd_up=rng.uniform(0.1, 0.4, n),
        sd_down=rng.uniform(0.1, 0.9, n),
        is_upper_limit=np.arange(n) % 4 == 0,
        fiducial_H0=70.0,
        fiducial_Om=0.3,
    )


def checked(*sets: Any) -> dict[str, Any]:
    """With a posterior of one vector, `AT`."""
    posterior = posterior_on(sets)
    names = tuple(posterior.prior.names)
    theta = np.array([AT[name] for name in names])
    prior = Flat(names, np.array([[-99.0, 99.0]] * len(names)))
    draws = weighted(prior, np.tile(theta, (1, 4, 1)), np.zeros((1, 4)))
    return predictive_checks({"lcdm": draws}, {"lcdm": posterior}, 0)


def posterior_on(sets: Sequence[Any]) -> Posterior:
    parts = {one.name: PARTS[one.name] for one in sets}
    cosmology = {"name": "lcdm", "kind": "lcdm", "prior": {"Om": FLAT, "H0": FLAT | {"high": 99.0}}}
    return posterior_of(
        Cosmology.model_validate(cosmology),
        Likelihood.model_validate({"parts": parts}),
        Prior(),
        Observations(tuple(sets)),
    )


def test_luminosities_are_checked_against_replicates_of_both_errors() -> None:
    data = luminosities()
    side: Any = posterior_on([data]).log_likelihood_of
    theta = np.array([[AT[name] for name in side.vectors.names]])
    expected = side.predictions(theta)[0]["model"][0]
    rng = np.random.default_rng(7)

    def replicated() -> Luminosities:
        """Below the model with sd_up, above it with sd_down, as often as each is wide."""
        below = rng.random(40) < data.sd_up / (data.sd_up + data.sd_down)
        off = np.abs(rng.standard_normal(40)) * np.where(below, -data.sd_up, data.sd_down)
        return replace(data, log_phi=expected + off)

    def told_of(points: Luminosities) -> dict[str, Any]:
        return dict(checked(points, ages())["uv"]["lcdm"])

    found = [told_of(replicated()) for _ in range(80)]
    assert {told["dof"] for told in found} == {30}
    p = np.array([told["p"] for told in found])
    # the share of replicates with a larger chi2, of the thirty measured points
    chi2 = np.array([told["chi2"] for told in found])
    assert p == pytest.approx((chi2 > chi2[:, None]).mean(axis=1), abs=0.15)
    # further off by a third they have p of a few thousandths and less
    one = replicated()
    worse = replace(one, log_phi=expected + 1.5 * (one.log_phi - expected))
    assert told_of(worse)["chi2"] == pytest.approx(2.25 * told_of(one)["chi2"])
    assert told_of(worse)["p"] < 0.01


def ages() -> Ages:
    rng = np.random.default_rng(6)
    return Ages("ages", rng.uniform(5.0, 14.0, 30), rng.uniform(0.1, 0.3, 30), np.full(30, 0.05))


def test_parts_of_limits_alone_have_no_check() -> None:
    assert checked(ages()) == {"ages": {}}
    limits = replace(luminosities(), is_upper_limit=np.ones(40, bool))
    assert checked(limits) == {"uv": {}}


def test_a_survey_of_one_supernova_is_no_degree_of_freedom() -> None:
    z = np.array([0.1, 0.2, 0.3, 0.5])
    sn = Supernovae(
        name="sn",
        z=z,
        z_helio=z,
        mu=5.0 * np.log10(z) + 43.0,
        covariance=np.full(4, 0.01),
        survey=np.array([0, 0, 0, 1]),
        surveys=("many", "one"),
    )
    assert checked(sn)["sn"]["lcdm"]["dof"] == 2
    alone = replace(sn, **{name: getattr(sn, name)[3:] for name in ("z", "z_helio", "mu")})
    alone = replace(alone, covariance=sn.covariance[3:], survey=np.zeros(1, int), surveys=("one",))
    assert checked(alone) == {"sn": {}}


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the project")
def test_the_poor_fit_of_the_luminosity_functions_is_seen() -> None:
    posterior = Study.of(["cosmology=janus", "likelihood=highz", "rivals=none"], DATA).posterior()
    names = tuple(posterior.prior.names)
    prior = Flat(names, np.asarray(posterior.prior.bounds))
    near = {"q0": -0.018, "H0": 70.0} | SCHECHTER
    theta = np.tile([near[name] for name in names], (1, 4, 1))
    found = best_fit(weighted(prior, theta, np.zeros((1, 4)), posterior), posterior)
    draws = weighted(prior, np.tile(found.theta, (1, 4, 1)), np.zeros((1, 4)))
    told = predictive_checks({"janus": draws}, {"janus": posterior}, 0)["uv_luminosity"]["janus"]
    assert told["dof"] == 264
    assert told["chi2"] == pytest.approx(341.2, abs=0.5)
    assert told["p"] == pytest.approx(9.3e-4, abs=1e-4)
