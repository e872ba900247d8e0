"""Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788): parameters are drawn from the
prior and data from the parameters; over many sets, the rank of the truth in the posterior is then
uniform, whatever the posterior's shape, edges of the prior and of the domain included. It is so
only if prior, simulated errors, likelihood and sampler all fit each other.

Ranks are of each parameter (a posterior that is shifted), and of the distance from the mean in
posterior covariances (one that is too wide or too narrow; a test quantity in the sense of Modrak et
al. 2023, arXiv:2211.02383). JANUS has its offset marginalised, LCDM absolute distances and H0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_study import Study, task_in
from scipy.stats import chi2, chisquare, kstest

from app.config.janus.sampler import Emcee, Importance
from app.datasets.observations.kinds import Observations, Supernovae
from app.durable.run import DurableRun
from app.pipelines.janus.cosmology import distances
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers import emcee_chain, importance

SEED = 20180418
LUCK = 1e-3  # that all of it passes is less likely to fail than this
BINS = 10
SET = "likelihood.parts.simulated.count=60"
MODELS = {
    "janus": ("cosmology=janus", SET),
    "lcdm": ("cosmology=lcdm", "likelihood.offset=fixed", SET),
}
IMPORTANCE = Importance(kind="importance", batch=512)
ENOUGH = {"ess": 1000.0, "ln_z_sd": 0.05, "mcse": 0.05}
EMCEE = Emcee(kind="emcee", walkers=16, ensembles=2, steps=4000)


@dataclass(frozen=True)
class Ranks:
    """0 to 1, of the truths of `count` sets."""

    of_parameters: Array  # (count, d)
    of_distance: Array  # (count,)

    @property
    def ndim(self) -> int:
        return int(self.of_parameters.shape[1])


def simulated(data: Supernovae, study: Study, theta: Array, rng: np.random.Generator) -> Supernovae:
    """The set `data` anew, in the model of the study with parameters `theta`, with errors of its
    covariance."""
    model = model_of(study.config.cosmology)
    own, H0 = theta[None, : len(model.parameters)], theta[len(model.parameters) :]
    g = distances.at(model, data.z, own)[0]
    expected = distances.distance_modulus(g, data.z, data.z_helio, H0 if len(H0) else 70.0)
    errors = np.linalg.cholesky(data.covariance) @ rng.standard_normal(len(data.z))
    return replace(data, mu=expected + errors, truth={})


def rank_of(truth: Array, draws: Draws) -> tuple[Array, float]:
    """The share of the posterior below the truth in each parameter, and nearer to the mean."""
    theta, weight = draws.kept()
    off = theta - weight @ theta
    inverse = np.linalg.inv((off * weight[:, None]).T @ off)
    at = truth - weight @ theta
    nearer = np.einsum("nd,de,ne->n", off, inverse, off) < at @ inverse @ at
    return weight @ (theta < truth), float(weight @ nearer)


def ranks_of(
    folder: Path,
    name: str,
    count: int,
    sampler: Importance | Emcee = IMPORTANCE,
    scale: float = 1.0,
    **targets: Any,
) -> Ranks:
    """`scale`: of the covariance that the likelihood is told, times that of the errors."""
    rng = np.random.default_rng([SEED, *name.encode()])
    study = Study.of(MODELS[name], folder, seed=SEED)
    (data,) = study.observations.sets
    assert isinstance(data, Supernovae)
    posterior = study.posterior()
    truths = posterior.prior.draw(rng, count)
    engine: Any = importance if isinstance(sampler, Importance) else emcee_chain
    found = []
    with (
        DurableRun(folder / name, study="janus", run_name="test", phases={"sample": 1.0}) as run,
        run.phase("sample"),
    ):
        for number, truth in enumerate(truths):
            new = simulated(data, study, truth, rng)
            told = replace(new, covariance=scale * new.covariance)
            posterior = study.on(Observations((told,))).posterior()
            task = task_in(
                run, posterior, study, name=str(number), seed=number, **(targets or ENOUGH)
            )
            found.append(rank_of(truth, engine.sample(task, sampler)))
    return Ranks(np.array([own for own, _ in found]), np.array([own for _, own in found]))


def p_values(ranks: Sequence[Ranks]) -> dict[str, float]:
    """How likely ranks so far from uniform are, by luck."""
    found = {}
    for number, own in enumerate(ranks):
        for at, column in enumerate(own.of_parameters.T):
            found[f"{number}/{at}: Kolmogorov-Smirnov"] = float(kstest(column, "uniform").pvalue)
    together = np.concatenate([own.of_parameters[:, 0] for own in ranks])
    counts = np.histogram(together, bins=BINS, range=(0.0, 1.0))[0]
    found["first parameters: chi2 of the histogram"] = float(chisquare(counts).pvalue)
    # of Gaussian posteriors the squared distance itself; of others, as uniform ranks give it
    squared = sum(
        float(chi2.ppf(np.clip(own.of_distance, 1e-6, 1.0 - 1e-6), own.ndim).sum()) for own in ranks
    )
    freedom = sum(own.of_distance.size * own.ndim for own in ranks)
    found["width"] = float(2.0 * min(chi2.cdf(squared, freedom), chi2.sf(squared, freedom)))
    return found


def is_calibrated(found: dict[str, float]) -> bool:
    return min(found.values()) * len(found) > LUCK


def test_posteriors_hold_their_truths_as_often_as_they_say(tmp_path: Path) -> None:
    found = p_values([ranks_of(tmp_path, name, 100) for name in MODELS])
    assert is_calibrated(found), found


@pytest.mark.parametrize("scale", [1.5])
def test_a_covariance_that_is_wrong_is_found_out(tmp_path: Path, scale: float) -> None:
    """200 sets of 1 and 2 parameters tell a factor of 1.5 (errors 22 % too large) from luck with
    4 standard deviations; 50 would with 2."""
    found = p_values([ranks_of(tmp_path, name, 100, scale=scale) for name in MODELS])
    assert not is_calibrated(found), found
    assert found["width"] == min(found.values())


@pytest.mark.soak
@pytest.mark.parametrize(("scale", "expected"), [(1.0, True), (1.5, False), (1.0 / 1.5, False)])
def test_calibration_over_300_sets(tmp_path: Path, scale: float, expected: bool) -> None:
    found = p_values([ranks_of(tmp_path, name, 300, scale=scale) for name in MODELS])
    assert is_calibrated(found) is expected, found


@pytest.mark.soak
def test_calibration_of_emcee(tmp_path: Path) -> None:
    targets = {"ess": 1000.0, "rhat": 1.02}
    found = p_values([ranks_of(tmp_path, name, 100, EMCEE, **targets) for name in MODELS])
    assert is_calibrated(found), found
