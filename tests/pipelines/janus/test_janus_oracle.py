"""Every sampler against quadrature, which is exact, on posteriors of simulated supernovae: JANUS
cut by the end of its prior, and curved LCDM cut by its prior and by its domain.

Settings are such that means are known to 0.012 standard deviations (chains and importance sampling
go on until they say so; nautilus: 1/sqrt(n_eff); dynesty: 16 seeds with 500 live points scatter by
0.033 in one dimension and 0.029 in two, as 1/sqrt(live_points)): a tolerance of 0.05 is four of
them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_study import Study, sampled

from app.config.janus.sampler import Dynesty, Emcee, Importance, Move, Nautilus, Sampler
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior

MEAN, SD = 0.05, 0.05
CASES = {
    "janus at its edge": ("cosmology=janus", "likelihood.parts.simulated.count=100"),
    "lcdm_curved": ("cosmology=lcdm_curved", "likelihood.parts.simulated.count=200"),
}
TARGETS = {"ess": 8000.0, "mcse": 0.0115, "ln_z_sd": 0.0012}
CHAIN = {"kind": "emcee", "walkers": 64, "ensembles": 4, "steps": 20_000}
CHAINS = {
    "de and snooker": Emcee.model_validate(CHAIN),
    "stretch": Emcee.model_validate(CHAIN | {"moves": [Move(name="stretch")]}),
}
NESTED: dict[str, dict[str, Any]] = {
    "nautilus": {
        name: Nautilus(kind="nautilus", live_points=400, networks=1, batch=200, n_eff=8000)
        for name in CASES
    },
    "dynesty": {
        "janus at its edge": Dynesty(kind="dynesty", live_points=4000, dlogz=0.5),
        "lcdm_curved": Dynesty(kind="dynesty", live_points=3000, dlogz=0.5),
    },
}


@dataclass(frozen=True)
class Oracle:
    """A posterior, and what quadrature says of it."""

    study: Study
    posterior: Posterior
    mean: Array
    sd: Array
    ln_z: float


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def oracle(case: str, tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    folder = tmp_path_factory.mktemp("oracle")
    study = Study.of(["sampler=quadrature", *CASES[case]], folder, seed=3)
    posterior = study.posterior()
    draws = sampled(folder, posterior, study)
    assert draws.ended == "converged"
    assert draws.details["mean_error"] < 1e-4
    assert draws.details["sd_error"] < 1e-4
    assert draws.ln_z_sd is not None
    assert draws.ln_z_sd < 1e-4
    assert draws.ln_z is not None
    mean, sd = moments(draws)
    return Oracle(study, posterior, mean, sd, draws.ln_z)


def moments(draws: Draws) -> tuple[Array, Array]:
    theta, weight = draws.kept()
    mean = weight @ theta
    return mean, np.sqrt(weight @ (theta - mean) ** 2)


def checked(folder: Path, oracle: Oracle, sampler: Any) -> Draws:
    """Its draws, whose moments are the oracle's."""
    assert Sampler.model_validate(sampler.model_dump()).root == sampler
    draws = sampled(folder, oracle.posterior, oracle.study, sampler=sampler, seed=1, **TARGETS)
    assert draws.ended == "converged"
    mean, sd = moments(draws)
    assert np.abs((mean - oracle.mean) / oracle.sd).max() < MEAN
    assert sd == pytest.approx(oracle.sd, rel=SD)
    return draws


def test_the_posteriors_are_what_they_are_named_for(oracle: Oracle, case: str) -> None:
    low, high = oracle.posterior.prior.bounds.T
    if case == "janus at its edge":
        assert oracle.mean[0] + 2.0 * oracle.sd[0] > high[0]  # q0 = 0
        assert oracle.sd[0] < 0.1 * (high[0] - low[0])
    else:
        assert oracle.posterior.description["share_outside_domain"] > 0.01
        assert oracle.mean[0] - 2.0 * oracle.sd[0] < low[0]  # Om = 0


@pytest.mark.parametrize("moves", list(CHAINS))
def test_chains(tmp_path: Path, oracle: Oracle, moves: str) -> None:
    draws = checked(tmp_path, oracle, CHAINS[moves])
    assert draws.ln_z is None  # chains do not give it


def test_importance_sampling(tmp_path: Path, oracle: Oracle) -> None:
    draws = checked(tmp_path, oracle, Importance(kind="importance"))
    assert draws.ln_z == pytest.approx(oracle.ln_z, abs=0.005)
    assert draws.ln_z_sd is not None
    assert draws.ln_z_sd <= TARGETS["ln_z_sd"]


@pytest.mark.parametrize("name", list(NESTED))
def test_nested_sampling(tmp_path: Path, oracle: Oracle, case: str, name: str) -> None:
    draws = checked(tmp_path, oracle, NESTED[name][case])
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    assert 0.0 < draws.ln_z_sd < 0.1
    assert abs(draws.ln_z - oracle.ln_z) < 3.0 * draws.ln_z_sd


@pytest.mark.soak
@pytest.mark.parametrize("name", list(NESTED))
def test_nested_sampling_is_not_biased(tmp_path: Path, oracle: Oracle, name: str) -> None:
    """Over 12 seeds: means and ln Z less than four errors of their averages away."""
    own: Any = {
        "nautilus": Nautilus(kind="nautilus", live_points=400, networks=1, batch=200, n_eff=2000),
        "dynesty": Dynesty(kind="dynesty", live_points=500),
    }[name]
    off = []
    for seed in range(12):
        draws = sampled(
            tmp_path / str(seed), oracle.posterior, oracle.study, sampler=own, seed=seed
        )
        assert draws.ln_z is not None
        mean, _ = moments(draws)
        off.append([*(mean - oracle.mean), draws.ln_z - oracle.ln_z])
    average, error = np.mean(off, axis=0), np.std(off, axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(average) < 4.0 * error).all(), (average, error)
