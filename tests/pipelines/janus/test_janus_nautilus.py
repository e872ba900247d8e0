"""nautilus: right where the answer is known, and the same draws however often it was stopped."""

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nested_toy
import numpy as np
import pytest
from nested_toy import SAMPLERS, fingerprint, gaussian, in_child, kill, raising, sampled, striking
from scipy.special import logsumexp

from app.config.janus.sampler import Convergence, Nautilus
from app.durable.alarm import DeadlineReached
from app.durable.interrupt import Interrupted
from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.judgement import judge

SMALL = SAMPLERS["nautilus"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(draws, their fingerprint, the record) of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    draws = sampled(folder, SMALL)
    return draws, fingerprint(draws), folder / "sampling" / "toy" / "evaluations.f64"


@pytest.mark.parametrize("ndim", [1, 3])
def test_evidence_and_moments_are_those_of_the_gaussian(tmp_path: Path, ndim: int) -> None:
    sampler = Nautilus(kind="nautilus", live_points=100, networks=1, n_eff=1000)
    draws = sampled(tmp_path, sampler, ndim=ndim)
    theta, weight = draws.kept()
    mean = weight @ theta
    sd = np.sqrt(weight @ (theta - mean) ** 2)
    assert draws.ended == "converged"
    assert draws.ln_z is not None
    assert draws.ln_z_sd == pytest.approx(1000**-0.5, rel=0.3)
    assert abs(draws.ln_z - nested_toy.ln_evidence(ndim)) < 4 * draws.ln_z_sd
    assert np.all(np.abs(mean - nested_toy.MEAN[:ndim]) < 5 * sd / 1000**0.5)
    np.testing.assert_allclose(sd, nested_toy.SD[:ndim], rtol=0.1)
    assert draws.details["unused_dimensions"] == (ndim == 1)


def test_draws_are_weighted_and_whole(expected: Any) -> None:
    draws = expected[0]
    assert draws.theta.shape == (1, draws.log_weight.size, 1, 2)
    assert draws.accepted is None
    assert float(logsumexp(draws.log_weight)) == pytest.approx(0.0, abs=1e-12)
    theta = draws.theta.reshape(-1, 2)
    np.testing.assert_array_equal(draws.log_likelihood.ravel(), gaussian(theta))
    np.testing.assert_allclose(draws.log_prior, -2 * np.log(10.0))


def test_another_process_and_number_of_threads_draw_the_same(tmp_path: Path, expected: Any) -> None:
    program = [sys.executable, nested_toy.__file__, str(tmp_path), "nautilus"]
    source = str(Path(nested_toy.__file__).parents[3] / "src")
    told = subprocess.run(
        program,
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "2",
            "PYTHONHASHSEED": "7",
            "PYTHONPATH": source,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == expected[1]


def test_another_seed_asks_for_other_points(tmp_path: Path, expected: Any) -> None:
    deadline = raising(DeadlineReached())
    first = [
        sampled(tmp_path / str(seed), SMALL, seed=seed, log_likelihood=striking(200, deadline))
        for seed in (1, 2)
    ]
    seen = [{tuple(row) for row in draws.theta.reshape(-1, 2)} for draws in first]
    whole = {tuple(row) for row in np.fromfile(expected[2]).reshape(-1, 3)[:, :2]}
    assert seen[0] < whole
    assert not seen[1] & whole


def test_exceptions_anywhere_change_nothing(tmp_path: Path, expected: Any) -> None:
    draw = random.Random(2)
    for error in (ValueError("broken"), KeyboardInterrupt(), Interrupted("SIGTERM")):
        at = draw.randint(1, expected[0].evaluations // 4)
        with pytest.raises(type(error)):
            sampled(tmp_path, SMALL, log_likelihood=striking(at, raising(error)))
    assert fingerprint(sampled(tmp_path, SMALL)) == expected[1]


def test_kills_anywhere_change_nothing(tmp_path: Path, expected: Any) -> None:
    draw, codes, total = random.Random(4), list[int](), expected[0].evaluations
    while not codes or codes[-1] == -signal.SIGKILL:
        killed = striking(draw.randint(total // 3, 2 * total // 3), kill)
        work = lambda k=killed: sampled(tmp_path, SMALL, log_likelihood=k)  # noqa: E731
        codes.append(in_child(work))
    assert codes[-1] == 0
    assert len(codes) > 1
    assert fingerprint(sampled(tmp_path, SMALL)) == expected[1]


def test_an_interrupt_of_the_training_is_not_swallowed(
    tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.neural_network import MLPRegressor

    real, calls = MLPRegressor._backprop, itertools.count()

    def interrupted(self: Any, *given: Any) -> Any:
        if next(calls) == 200:
            raise KeyboardInterrupt
        return real(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(MLPRegressor, "_backprop", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sampled(tmp_path, SMALL)
    assert next(calls) == 201
    assert fingerprint(sampled(tmp_path, SMALL)) == expected[1]


def test_the_deadline_leaves_what_there_is_and_the_next_run_ends_it(
    tmp_path: Path, expected: Any
) -> None:
    deadline = striking(expected[0].evaluations // 2, raising(DeadlineReached()))
    draws = sampled(tmp_path, SMALL, log_likelihood=deadline)
    assert draws.ended == "deadline"
    assert draws.ln_z is None
    assert draws.ln_z_sd is None
    assert 0 < draws.evaluations < expected[0].evaluations
    theta, weight = draws.kept()
    assert weight.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(draws.kept_log_likelihood(), gaussian(theta))
    assert fingerprint(sampled(tmp_path, SMALL)) == expected[1]


def test_a_deadline_while_shells_are_sampled_has_an_evidence(tmp_path: Path, expected: Any) -> None:
    deadline = striking(expected[0].evaluations - 20, raising(DeadlineReached()))
    draws = sampled(tmp_path, SMALL, log_likelihood=deadline)
    assert draws.ended == "deadline"
    assert draws.details["explored"]
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    assert draws.details["exploration_used"]
    assert abs(draws.ln_z - nested_toy.ln_evidence(2)) < 4 * draws.ln_z_sd


def test_a_deadline_before_the_first_draw_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuperiorError, match="before the first draw"):
        sampled(tmp_path, SMALL, log_likelihood=striking(1, raising(DeadlineReached())))


def test_a_record_of_other_settings_is_refused_by_what_it_is_asked(tmp_path: Path) -> None:
    """Where the signature did not tell them apart, the first point that differs does."""
    deadline = raising(DeadlineReached())
    sampled(tmp_path, SMALL, log_likelihood=striking(700, deadline))
    other = Nautilus(kind="nautilus", live_points=60, networks=1, n_eff=150, batch=60)
    with pytest.raises(ResumeError, match="the sampler asks for"):
        sampled(tmp_path, other)


def test_it_asks_for_batches_starts_no_pool_and_tells_its_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_pool(*_: Any, **__: Any) -> None:
        raise AssertionError("a pool was started")

    sizes: set[int] = set()
    told: list[float] = []

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        sizes.add(len(theta))
        return gaussian(theta)

    monkeypatch.setattr("nautilus.sampler.NautilusPool", no_pool)
    monkeypatch.setattr(
        "app.durable.run.DurableRun.advance",
        lambda _, fraction, *__: told.append(fraction),
    )
    sampled(tmp_path, SMALL, log_likelihood=log_likelihood)
    assert min(sizes) >= 50
    assert all(0.0 <= fraction <= 1.0 for fraction in told)
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert 0.2 < np.mean(np.array(told) < 0.5) < 0.9


def test_nothing_is_printed_and_no_other_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="broken"):
        sampled(tmp_path, SMALL, log_likelihood=striking(700, raising(ValueError("broken"))))
    assert capfd.readouterr().out == ""
    assert [path.name for path in (tmp_path / "sampling" / "toy").iterdir()] == ["evaluations.f64"]
    assert not list(tmp_path.glob("*.h5"))


def test_half_of_the_prior_may_be_impossible(tmp_path: Path) -> None:
    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        return np.where(theta[:, 0] > nested_toy.MEAN[0], gaussian(theta), -np.inf)

    draws = sampled(tmp_path, SMALL, log_likelihood=log_likelihood)
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    half = nested_toy.ln_evidence(2) + np.log(0.5)
    assert abs(draws.ln_z - half) < 4 * draws.ln_z_sd
    assert np.all(np.isfinite(draws.log_likelihood))


def test_it_draws_until_the_targets_are_met(tmp_path: Path, expected: Any) -> None:
    prior = nested_toy.Box(2)
    assert SMALL.n_eff < 400.0 <= expected[0].details["n_eff"]  # convergence.ess
    assert judge(expected[0], Convergence(), prior, "nautilus").converged  # type: ignore[arg-type]
    bare = sampled(tmp_path / "bare", SMALL, adaptive=False)
    assert SMALL.n_eff <= bare.details["n_eff"] < 300.0
    told = judge(bare, Convergence(), prior, "nautilus")  # type: ignore[arg-type]
    assert "effective sample size of the weights is" in told.unmet[0]
    for targets in ({"mcse": 0.03}, {"ln_z_sd": 0.03}):
        draws = sampled(tmp_path / next(iter(targets)), SMALL, **targets)
        assert draws.ended == "converged"
        told = judge(draws, Convergence(**targets), prior, "nautilus")  # type: ignore[arg-type]
        assert told.converged
        assert told.judged == ["ess", "mcse", "ln_z_sd"]
        assert 900.0 < draws.details["n_eff"] < 2500.0
    # Of the same evaluations at first: more is asked for, nothing else
    whole = np.fromfile(expected[2]).reshape(-1, 3)
    more = np.fromfile(tmp_path / "mcse" / "sampling" / "toy" / "evaluations.f64").reshape(-1, 3)
    assert len(more) > len(whole)
    np.testing.assert_array_equal(more[: len(whole)], whole)
