"""Draws for other programs: emcee and ArviZ read them, and the same draws give the same bytes."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import arviz
import emcee
import h5py
import numpy as np
import pytest

from app.pipelines.janus import hdf, netcdf
from app.pipelines.janus.draws import Draws

E, S, W, D = 3, 400, 8, 2


def chain() -> Draws:
    """Autoregressive, with tau = 3."""
    rng = np.random.default_rng(0)
    theta = np.empty((E, S, W, D))
    theta[:, 0] = rng.normal(size=(E, W, D))
    for step in range(1, S):
        theta[:, step] = 0.5 * theta[:, step - 1] + rng.normal(size=(E, W, D))
    log_likelihood = -0.5 * (theta**2).sum(axis=-1)
    return Draws(
        ("q0", "H0"),
        theta,
        log_likelihood,
        np.full((E, S, W), -3.0),
        None,
        rng.integers(0, S, (E, W)).astype(float),
        "converged",
        E * S * W,
        discard=20,
        thin=2,
        details={"moves": [{"name": "de", "weight": 1.0}]},
    )


def weighted() -> Draws:
    """Uniform draws from -8 to 8, weighted to N(1, 1) in each parameter."""
    rng = np.random.default_rng(0)
    theta = rng.uniform(-8, 8, (2, 20_000, 1, D))
    log_likelihood = -0.5 * ((theta - 1.0) ** 2).sum(axis=-1)
    log_weight = log_likelihood - np.log(np.exp(log_likelihood).sum())
    prior = np.full(log_likelihood.shape, -2 * np.log(16.0))
    return Draws(
        ("q0", "H0"), theta, log_likelihood, prior, log_weight, None, "converged", 40_000,
        ln_z=-3.7, ln_z_sd=0.01,
    )  # fmt: skip


def written(write: Callable[..., None], path: Path, draws: Draws) -> Path:
    write(path, draws, np.random.default_rng(4))
    return path


def test_emcee_reads_all_ensembles_as_walkers(tmp_path: Path) -> None:
    draws = chain()
    path = str(written(hdf.write, tmp_path / "chain.h5", draws))
    read = emcee.backends.HDFBackend(path, read_only=True)
    assert read.shape == (E * W, D)
    assert read.iteration == S
    assert np.array_equal(read.get_chain()[:, W : 2 * W], draws.theta[1])
    lp = draws.log_likelihood + draws.log_prior
    assert np.array_equal(read.get_log_prob(discard=5)[:, 2 * W :], lp[2, 5:])
    assert read.get_chain(flat=True, discard=20, thin=5).shape == (76 * E * W, D)
    assert read.get_autocorr_time() == pytest.approx([3.0, 3.0], rel=0.2)
    assert np.array_equal(read.accepted, draws.accepted.ravel())
    assert read.get_blobs() is None


def test_emcee_reads_each_ensemble(tmp_path: Path) -> None:
    draws = chain()
    path = str(written(hdf.write, tmp_path / "chain.h5", draws))
    for number in range(E):
        read = emcee.backends.HDFBackend(path, name=f"ensemble_{number}", read_only=True)
        assert np.array_equal(read.get_chain(), draws.theta[number])
        assert np.array_equal(read.get_log_prob(), (draws.log_likelihood + draws.log_prior)[number])
        assert np.array_equal(read.accepted, draws.accepted[number])
        assert read.get_autocorr_time() == pytest.approx([3.0, 3.0], rel=0.3)


@pytest.mark.parametrize("draws", [chain(), weighted()], ids=["chain", "weighted"])
def test_everything_is_in_the_file(tmp_path: Path, draws: Draws) -> None:
    with h5py.File(written(hdf.write, tmp_path / "draws.h5", draws)) as file:
        for name, array in draws.as_arrays().arrays.items():
            assert np.array_equal(file["draws"][name][...], array)
        about = json.loads(file["draws/about"].asstr()[()])
    assert about == json.loads(json.dumps(dict(draws.as_arrays().about)))


def test_details_of_any_length_are_kept(tmp_path: Path) -> None:
    draws = replace(chain(), details={"looks": list(range(100_000))})
    with h5py.File(written(hdf.write, tmp_path / "draws.h5", draws)) as file:
        assert len(json.loads(file["draws/about"].asstr()[()])["details"]["looks"]) == 100_000


def test_weighted_draws_are_resampled(tmp_path: Path) -> None:
    draws = weighted()
    path = str(written(hdf.write, tmp_path / "draws.h5", draws))
    read = emcee.backends.HDFBackend(path, read_only=True)
    theta, lp = read.get_chain(flat=True), read.get_log_prob(flat=True)
    weight = np.exp(draws.log_weight)
    assert len(theta) == round(1.0 / (weight**2).sum())
    assert theta.mean(axis=0) == pytest.approx([1.0, 1.0], abs=0.08)
    assert theta.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.08)
    expected = -0.5 * ((theta - 1.0) ** 2).sum(axis=-1) - 2 * np.log(16.0)
    assert lp == pytest.approx(expected, rel=1e-12)


def test_arviz_reads_a_chain(tmp_path: Path) -> None:
    draws = chain()
    read = arviz.from_netcdf(written(netcdf.write, tmp_path / "chain.nc", draws))
    assert set(read.posterior.data_vars) == {"q0", "H0"}
    expected = draws.theta[:, 20::2, :, 1].reshape(E, -1)
    assert np.array_equal(read.posterior["H0"].values, expected)
    lp = (draws.log_likelihood + draws.log_prior)[:, 20::2].reshape(E, -1)
    assert np.array_equal(read.sample_stats["lp"].values, lp)
    assert read.log_likelihood["total"].values == pytest.approx(lp + 3.0)
    assert float(arviz.rhat(read)["q0"]) < 1.01


def test_arviz_reads_weighted_draws(tmp_path: Path) -> None:
    read = arviz.from_netcdf(written(netcdf.write, tmp_path / "draws.nc", weighted()))
    assert read.posterior["q0"].shape[0] == 1
    assert float(read.posterior["q0"].mean()) == pytest.approx(1.0, abs=0.08)
    lp, total = read.sample_stats["lp"].values, read.log_likelihood["total"].values
    assert lp == pytest.approx(total - 2 * np.log(16.0))


@pytest.mark.parametrize("draws", [chain(), weighted()], ids=["chain", "weighted"])
@pytest.mark.parametrize("write", [hdf.write, netcdf.write], ids=["hdf", "netcdf"])
def test_the_same_draws_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., None], draws: Draws
) -> None:
    """At another time, over another file, in another folder and time zone."""
    one = written(write, tmp_path / "one", draws).read_bytes()
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "another").write_bytes(b"something else")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    time.sleep(1.1)  # file formats keep whole seconds
    other = written(write, tmp_path / "far" / "another", draws).read_bytes()
    assert one == other
    assert os.listdir(tmp_path / "far") == ["another"]
    assert written(write, tmp_path / "x", replace(draws, theta=draws.theta + 1)).read_bytes() != one
