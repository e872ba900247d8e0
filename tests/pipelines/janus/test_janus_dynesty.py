"""dynesty: right where the answer is known, and the same draws however often it was stopped."""

import os
import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import dynesty
import nested_toy
import numpy as np
import pytest
from nested_toy import SAMPLERS, fingerprint, gaussian, in_child, kill, raising, sampled, striking
from scipy.special import logsumexp

from app.config.janus.sampler import Dynesty
from app.durable.alarm import DeadlineReached
from app.durable.interrupt import Interrupted
from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.draws import Draws

NAMES = ("uniform", "walk", "slice")
ONE_OF_THEM = [
    "uniform",
    pytest.param("walk", marks=pytest.mark.soak),
    pytest.param("slice", marks=pytest.mark.soak),
]
PACKAGE = str(Path(dynesty.__file__).parent)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Draws]:
    """The draws of runs that nothing stopped."""
    return {name: sampled(tmp_path_factory.mktemp(name), SAMPLERS[name]) for name in NAMES}


@pytest.mark.parametrize(("method", "ndim"), [("auto", 1), ("auto", 3), ("rwalk", 3), ("slice", 1)])
def test_evidence_and_moments_are_those_of_the_gaussian(
    tmp_path: Path, method: Any, ndim: int
) -> None:
    sampler = Dynesty(kind="dynesty", live_points=200, sample=method)
    draws = sampled(tmp_path, sampler, ndim=ndim)
    theta, weight = draws.kept()
    mean, ess = weight @ theta, 1.0 / np.sum(weight**2)
    sd = np.sqrt(weight @ (theta - mean) ** 2)
    assert draws.ended == "converged"
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    assert 0.05 < draws.ln_z_sd < 0.25
    assert abs(draws.ln_z - nested_toy.ln_evidence(ndim)) < 3 * draws.ln_z_sd
    assert np.all(np.abs(mean - nested_toy.MEAN[:ndim]) < 5 * sd / np.sqrt(ess))
    np.testing.assert_allclose(sd, nested_toy.SD[:ndim], rtol=0.2)


@pytest.mark.parametrize("bound", ["none", "single", "balls", "cubes"])
def test_every_bound_gives_the_evidence(tmp_path: Path, bound: Any) -> None:
    sampler = Dynesty(kind="dynesty", live_points=48, dlogz=0.5, bound=bound, sample="unif")
    draws = sampled(tmp_path, sampler)
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    assert abs(draws.ln_z - nested_toy.ln_evidence(2)) < 3 * draws.ln_z_sd + 0.25


def test_draws_are_weighted_and_whole(expected: dict[str, Draws]) -> None:
    draws = expected["uniform"]
    assert draws.log_weight is not None
    assert draws.theta.shape == (1, draws.log_weight.size, 1, 2)
    assert draws.accepted is None
    assert float(logsumexp(draws.log_weight)) == pytest.approx(0.0, abs=1e-12)
    theta = draws.theta.reshape(-1, 2)
    np.testing.assert_allclose(draws.log_likelihood.ravel(), gaussian(theta), rtol=1e-12)
    np.testing.assert_allclose(draws.log_prior, -2 * np.log(10.0))


def test_another_process_and_number_of_threads_draw_the_same(
    tmp_path: Path, expected: dict[str, Draws]
) -> None:
    source = str(Path(nested_toy.__file__).parents[3] / "src")
    environment = {"OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "7", "PYTHONPATH": source}
    told = subprocess.run(
        [sys.executable, nested_toy.__file__, str(tmp_path), "uniform"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == fingerprint(expected["uniform"])


def test_another_seed_draws_others(tmp_path: Path, expected: dict[str, Draws]) -> None:
    other = sampled(tmp_path, SAMPLERS["uniform"], seed=2)
    assert fingerprint(other) != fingerprint(expected["uniform"])


@pytest.mark.parametrize("name", NAMES)
def test_exceptions_anywhere_change_nothing(
    tmp_path: Path, expected: dict[str, Draws], name: str
) -> None:
    draw = random.Random(2)
    for error in (ValueError("broken"), KeyboardInterrupt(), Interrupted("SIGTERM"), SystemExit(3)):
        at = draw.randint(1, expected[name].evaluations // 4)
        with pytest.raises(type(error)):
            sampled(tmp_path, SAMPLERS[name], log_likelihood=striking(at, raising(error)))
    assert fingerprint(sampled(tmp_path, SAMPLERS[name])) == fingerprint(expected[name])


@pytest.mark.parametrize("name", ONE_OF_THEM)
def test_kills_anywhere_change_nothing(
    tmp_path: Path, expected: dict[str, Draws], name: str
) -> None:
    draw: random.Random = random.Random(4)
    codes, total = list[int](), expected[name].evaluations
    while not codes or codes[-1] == -signal.SIGKILL:
        killed = striking(draw.randint(total // 4, total // 2), kill)
        codes.append(in_child(lambda k=killed: sampled(tmp_path, SAMPLERS[name], log_likelihood=k)))  # type: ignore[misc]
    assert codes[-1] == 0
    assert len(codes) > 2
    assert fingerprint(sampled(tmp_path, SAMPLERS[name])) == fingerprint(expected[name])


@pytest.mark.parametrize("name", ONE_OF_THEM[:2])
def test_a_deadline_between_any_two_lines_leaves_whole_draws(
    tmp_path: Path, expected: dict[str, Draws], name: str
) -> None:
    draw = random.Random(5)
    for number in range(3):
        strike_at_line(draw.randint(3_000, 30_000), DeadlineReached)
        try:
            draws = sampled(tmp_path / str(number), SAMPLERS[name])
        finally:
            sys.settrace(None)
        assert draws.ended == "deadline"
        assert draws.ln_z is None
        assert draws.ln_z_sd is None
        theta, weight = draws.kept()
        assert weight.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(draws.kept_log_likelihood(), gaussian(theta), rtol=1e-12)
        again = sampled(tmp_path / str(number), SAMPLERS[name])
        assert fingerprint(again) == fingerprint(expected[name])


def strike_at_line(number: int, error: type[BaseException]) -> None:
    """Raises it at the given line that dynesty runs from now on."""
    left = [number]

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise error("struck")
        return trace

    sys.settrace(trace)


def test_a_deadline_before_the_first_draw_is_told(
    tmp_path: Path, expected: dict[str, Draws]
) -> None:
    struck = striking(1, raising(DeadlineReached()))
    with pytest.raises(SuperiorError, match="before the first draw"):
        sampled(tmp_path, SAMPLERS["uniform"], log_likelihood=struck)
    whole = sampled(tmp_path, SAMPLERS["uniform"])
    assert fingerprint(whole) == fingerprint(expected["uniform"])


def test_a_record_of_other_settings_is_refused_by_what_it_is_asked(tmp_path: Path) -> None:
    """Where the signature did not tell them apart, the first point that differs does."""
    sampled(tmp_path, SAMPLERS["uniform"])
    with pytest.raises(ResumeError, match="the sampler asks for"):
        sampled(tmp_path, SAMPLERS["walk"])


@pytest.mark.parametrize("name", ["uniform", "walk"])
def test_it_asks_for_batches(tmp_path: Path, expected: dict[str, Draws], name: str) -> None:
    calls: list[int] = []

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        calls.append(len(theta))
        return gaussian(theta)

    draws = sampled(tmp_path, SAMPLERS[name], log_likelihood=log_likelihood)
    assert sum(calls) == draws.evaluations
    assert np.mean(calls) > 4
    assert fingerprint(draws) == fingerprint(expected[name])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_printed_and_no_file_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for at in (1, 400):
        with pytest.raises(ValueError, match="broken"):
            struck = striking(at, raising(ValueError("broken")))
            sampled(tmp_path, SAMPLERS[name], log_likelihood=struck)
    sampled(tmp_path, SAMPLERS[name])
    assert capfd.readouterr().out == ""
    kept = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert not [file for file in kept if file.endswith((".h5", ".save", ".pkl"))]
    assert [path.name for path in (tmp_path / "sampling" / "toy").iterdir()] == ["evaluations.f64"]


def test_progress_rises_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr(
        "app.durable.run.DurableRun.advance",
        lambda _, fraction, *__: told.append(fraction),
    )
    sampled(tmp_path, SAMPLERS["uniform"])
    assert all(0.0 <= fraction <= 1.0 for fraction in told)
    assert told.count(1.0) < len(told) / 10
    assert told[0] == 0.0
    assert told[-1] == 1.0
    middle = told[len(told) // 2]
    assert 0.25 < middle < 0.75


def test_half_of_the_prior_may_be_impossible(tmp_path: Path) -> None:
    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        return np.where(theta[:, 0] > nested_toy.MEAN[0], gaussian(theta), -np.inf)

    draws = sampled(tmp_path, SAMPLERS["uniform"], log_likelihood=log_likelihood)
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    half = nested_toy.ln_evidence(2) + np.log(0.5)
    assert abs(draws.ln_z - half) < 3 * draws.ln_z_sd
    assert np.all(draws.log_likelihood > -1e6)


def test_a_flat_likelihood_is_told(tmp_path: Path) -> None:
    draws = sampled(
        tmp_path, SAMPLERS["uniform"], log_likelihood=lambda theta: np.full(len(theta), -3.0)
    )
    assert draws.ended == "plateau"
    assert any("plateau" in warning for warning in draws.details["warnings"])


def test_dynesty_warnings_are_kept_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny = Dynesty(kind="dynesty", live_points=20, dlogz=2.0, sample="rslice")
        draws = sampled(tmp_path, tiny, ndim=4)
    assert capfd.readouterr().out == ""
    assert draws.ended == "converged"
