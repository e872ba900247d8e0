"""Errors of the means of dynesty's draws: of the volumes too, which weights say nothing of."""

import math
from pathlib import Path

import numpy as np
import pytest
from janus_targets import Box, run_in, task_of

from app.config.janus.sampler import Convergence, Dynesty
from app.pipelines.janus.diagnostics import weighted_errors
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.judgement import judge
from app.pipelines.janus.samplers import dynesty_run
from app.pipelines.janus.samplers.dynesty_volumes import sd_of_means

LIVE, SCALE = 100, 0.02


def plain_run(rng: np.random.Generator, ndim: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Nested sampling of exp(-x / SCALE), x the volume itself: theta (n, 1), log-volumes as the
    sampler expects them; the last LIVE points are the live ones."""
    dead = 12 * LIVE
    shrunk = np.cumsum(np.log(rng.random(dead)) / LIVE)  # the largest of LIVE uniform numbers
    live = np.log(np.sort(rng.random(LIVE))[::-1]) + shrunk[-1]
    theta = np.exp(np.concatenate([shrunk, live]))[:, None]
    expected = -np.arange(1, dead + 1) * math.log1p(1.0 / LIVE)
    rest = expected[-1] + np.log(np.arange(LIVE, 0, -1) / (LIVE + 1.0))
    return theta, np.concatenate([expected, rest])


def test_means_scatter_as_the_volumes_say() -> None:
    rng = np.random.default_rng(3)
    means, told, by_weights = [], [], []
    for _ in range(150):
        theta, ln_volume = plain_run(rng)
        ln_likelihood = -theta[:, 0] / SCALE
        volume = np.exp(ln_volume)
        weight = np.exp(ln_likelihood) * (np.concatenate([[1.0], volume[:-1]]) - volume)
        weight /= weight.sum()
        means.append(weight @ theta[:, 0])
        by_weights.append(weighted_errors(theta, weight)[1][0])
        told.append(sd_of_means(theta, ln_likelihood, ln_volume, LIVE, rng)[0])
    scatter = np.std(means, ddof=1)  # known to 6 %
    assert np.mean(told) == pytest.approx(scatter, rel=0.2)
    assert np.mean(by_weights) < 0.75 * scatter  # what was told without


def test_points_that_are_impossible_weigh_nothing() -> None:
    theta, ln_volume = plain_run(np.random.default_rng(4))
    ln_likelihood = -theta[:, 0] / SCALE
    ln_likelihood[:200], theta[:200] = -np.inf, 1e9
    told = sd_of_means(theta, ln_likelihood, ln_volume, LIVE, np.random.default_rng(5))
    assert 0.0 < told[0] < SCALE


def drawn(folder: Path, seed: int = 1) -> Draws:
    with run_in(folder) as run, run.phase("sample"):
        task = task_of(
            run, Box(np.array([[0.0, 1.0]])), lambda theta: -theta[:, 0] / SCALE, seed=seed
        )
        return dynesty_run.sample(task, Dynesty(kind="dynesty", live_points=LIVE, dlogz=0.1))


def test_a_posterior_on_a_bound_is_judged_by_its_volumes(tmp_path: Path) -> None:
    draws = drawn(tmp_path)
    prior = Box(np.array([[0.0, 1.0]]))
    theta, weight = draws.kept()
    sd, by_weights = weighted_errors(theta, weight)
    told = judge(draws, Convergence(), prior, "dynesty")  # type: ignore[arg-type]
    assert told.mcse is not None
    assert told.ess is not None
    mcse, ess = told.mcse["p0"], told.ess["p0"]
    assert mcse is not None
    assert mcse == pytest.approx(draws.details["mean_sd"][0] / sd[0])
    assert mcse > 1.2 * by_weights[0] / sd[0]
    assert ess == pytest.approx(mcse**-2)
    assert drawn(tmp_path).details["mean_sd"] == draws.details["mean_sd"]  # gone on from its record


def test_a_target_of_ln_z_is_judged_where_one_is_given(tmp_path: Path) -> None:
    draws, prior = drawn(tmp_path), Box(np.array([[0.0, 1.0]]))
    loose = {"ess": 1.0, "mcse": 10.0}
    assert judge(draws, Convergence(**loose), prior, "dynesty").converged  # type: ignore[arg-type]
    told = judge(draws, Convergence(ln_z_sd=0.01, **loose), prior, "dynesty")  # type: ignore[arg-type]
    (said,) = told.unmet
    assert said.startswith("standard error of ln Z is ")
    assert said.endswith(", above 0.01")
