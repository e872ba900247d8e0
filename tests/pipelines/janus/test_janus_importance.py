"""Importance sampling: known answers in many shapes, and runs that are cut anywhere."""

import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from janus_targets import (
    Box,
    Gaussian,
    StandardNormals,
    WeakCPL,
    around,
    banana,
    correlated,
    run_in,
    task_of,
    two_modes,
)

from app.config.janus.sampler import Importance
from app.durable.governor import Governor
from app.durable.run import DurableRun
from app.errors import ConfigError, ResumeError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.evidence import evidence
from app.pipelines.janus.samplers.importance import sample

SMALL = {"batch": 256, "populations": 3, "max_batches": 6}


def drawn(
    folder: Path,
    prior: Box | StandardNormals,
    likelihood: Callable[[Array], Array],
    sampler: dict[str, object] | None = None,
    **told: object,
) -> Draws:
    with run_in(folder) as run, run.phase("sample"):
        task = task_of(run, prior, likelihood, **told)
        return sample(task, Importance(kind="importance", **(sampler or {})))


def moments(draws: Draws) -> tuple[Array, Array]:
    theta, weight = draws.kept()
    mean = weight @ theta
    return mean, np.sqrt(weight @ (theta - mean) ** 2)


@pytest.mark.parametrize("ndim", [1, 2, 4, 8])
def test_a_gaussian_is_found_with_its_evidence(tmp_path: Path, ndim: int) -> None:
    likelihood = correlated(ndim)
    prior = around(likelihood, 10.0)
    draws = drawn(tmp_path, prior, likelihood, ln_z_sd=0.0015)
    assert draws.ended == "converged"
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=0.005)
    assert draws.ln_z_sd is not None
    assert draws.ln_z_sd <= 0.0015
    mean, sd = moments(draws)
    truth = np.sqrt(np.diag(likelihood.covariance))
    assert np.abs((mean - likelihood.mean) / truth).max() < 0.03
    assert sd == pytest.approx(truth, rel=0.03)


@pytest.mark.soak
@pytest.mark.parametrize("ndim", [1, 2, 4, 8])
def test_the_error_of_the_evidence_is_the_one_it_tells(tmp_path: Path, ndim: int) -> None:
    likelihood = correlated(ndim)
    prior = around(likelihood, 10.0)
    pulls = []
    for seed in range(20):
        draws = drawn(tmp_path / str(seed), prior, likelihood, seed=seed)
        assert draws.ln_z is not None
        assert draws.ln_z_sd is not None
        assert abs(draws.ln_z + prior.log_volume) < 0.01
        pulls.append((draws.ln_z + prior.log_volume) / draws.ln_z_sd)
    assert 0.4 < np.std(pulls) < 1.5
    assert abs(np.mean(pulls)) < 0.8


def test_draws_that_all_weigh_nothing_are_one_error(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    with pytest.raises(SuperiorError, match="not one of 20 draws"):
        evidence(np.full((2, 10), -np.inf))
    frozen = whole[1] - 6 * 3 + 1  # the first draw that counts

    class Vanishing:
        calls = 0

        def __call__(self, theta: Array) -> Array:
            self.calls += 1
            value = LIKELIHOOD(theta)
            return value if self.calls < frozen else np.full(len(theta), -np.inf)

    with pytest.raises(SuperiorError, match="lost the posterior"):
        drawn(tmp_path, PRIOR, Vanishing(), SMALL, **TARGETS)


def test_the_evidence_has_the_spread_of_its_populations() -> None:
    rng = np.random.default_rng(1)
    ln_z, sd, each = evidence(np.log(rng.exponential(3.0, (4, 50_000))))
    assert ln_z == pytest.approx(math.log(3.0), abs=0.01)
    assert 0.5 < sd * math.sqrt(200_000) < 3.0
    assert len(each) == 4
    apart = np.zeros((2, 1000))
    apart[1] = math.log(3.0)  # no spread in either, but they disagree
    ln_z, sd, each = evidence(apart)
    assert ln_z == pytest.approx(math.log(2.0))
    assert sd == pytest.approx(0.5)
    assert each == pytest.approx([0.0, math.log(3.0)])


@pytest.mark.parametrize("ndim", [1, 2])
def test_a_posterior_cut_at_edges_of_its_prior(tmp_path: Path, ndim: int) -> None:
    likelihood = Gaussian(np.zeros(ndim), np.eye(ndim))
    draws = drawn(tmp_path, Box(np.tile([0.0, 30.0], (ndim, 1))), likelihood)
    assert draws.ended == "converged"
    assert draws.ln_z == pytest.approx(-ndim * math.log(60.0), abs=0.01)
    mean, sd = moments(draws)
    assert mean == pytest.approx(np.full(ndim, math.sqrt(2.0 / math.pi)), abs=0.02)
    assert sd == pytest.approx(np.full(ndim, math.sqrt(1.0 - 2.0 / math.pi)), abs=0.02)


@pytest.mark.parametrize(("ndim", "scale"), [(1, 1e-6), (2, 3e-4), (3, 1e-3)])
def test_a_narrow_posterior_in_a_wide_prior(tmp_path: Path, ndim: int, scale: float) -> None:
    likelihood = correlated(ndim, scale)
    prior = Box(np.tile([-1.0, 1.0], (ndim, 1)))
    draws = drawn(tmp_path, prior, likelihood)
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=0.01)
    mean, sd = moments(draws)
    truth = np.sqrt(np.diag(likelihood.covariance))
    assert np.abs((mean - likelihood.mean) / truth).max() < 0.04
    assert sd == pytest.approx(truth, rel=0.03)


def test_a_curved_posterior(tmp_path: Path) -> None:
    prior = Box(np.array([[-10.0, 10.0], [-20.0, 60.0]]))
    draws = drawn(tmp_path, prior, banana)
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=0.01)
    mean, sd = moments(draws)
    assert mean == pytest.approx([0.0, 1.0], abs=0.04)
    assert sd == pytest.approx([1.0, math.sqrt(2.0625)], rel=0.04)


def check_of_weak_cpl(draws: Draws) -> float:
    """The pull of ln Z: right, or not said to have converged."""
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    pull = (draws.ln_z - WeakCPL.LN_Z) / draws.ln_z_sd
    if draws.ended == "converged":
        assert abs(pull) < 4.0
        theta, weight = draws.kept()
        assert weight[theta[:, 0] < 0.1].sum() == pytest.approx(WeakCPL.SPUR, abs=0.008)
        assert (weight @ theta)[:3] == pytest.approx(WeakCPL.MEAN, abs=0.015)
    return pull


@pytest.mark.parametrize("seed", [1, 3])
def test_a_thin_spur_of_a_curved_posterior_is_found(tmp_path: Path, seed: int) -> None:
    draws = drawn(tmp_path, WeakCPL.BOX, WeakCPL(), seed=seed)
    assert draws.ended == "converged"
    check_of_weak_cpl(draws)


@pytest.mark.soak
def test_no_seed_misses_the_spur_and_says_converged(tmp_path: Path) -> None:
    pulls = [
        check_of_weak_cpl(drawn(tmp_path / str(seed), WeakCPL.BOX, WeakCPL(), seed=seed))
        for seed in range(1, 31)
    ]
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.5
    assert abs(np.mean(pulls)) < 0.6


@pytest.mark.parametrize("ndim", [1, 2, 4])
def test_two_modes_far_apart_keep_their_shares(tmp_path: Path, ndim: int) -> None:
    prior = Box(np.tile([-30.0, 30.0], (ndim, 1)))
    draws = drawn(tmp_path, prior, two_modes)
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=0.01)
    theta, weight = draws.kept()
    assert weight[theta[:, 0] > 0.0].sum() == pytest.approx(0.2, abs=0.01)


def test_a_prior_without_bounds(tmp_path: Path) -> None:
    likelihood = Gaussian(np.full(2, 0.5), 1e-4 * np.eye(2))
    draws = drawn(tmp_path, StandardNormals(2), likelihood)
    variance = 1.0 + 1e-4
    truth = 2 * (-0.5 * math.log(2 * math.pi * variance) - 0.125 / variance)
    assert draws.ln_z == pytest.approx(truth, abs=0.01)


def test_a_parameter_the_data_do_not_know_keeps_its_prior(tmp_path: Path) -> None:
    def likelihood(theta: Array) -> Array:
        value: Array = -0.5 * ((theta[:, 0] - 0.5) / 0.01) ** 2
        return value

    draws = drawn(tmp_path, Box(np.array([[0.0, 1.0], [2.0, 4.0]])), likelihood)
    mean, sd = moments(draws)
    assert mean == pytest.approx([0.5, 3.0], abs=0.02)
    assert sd[1] == pytest.approx(2.0 / math.sqrt(12.0), rel=0.03)


def test_draws_have_the_shape_and_the_weights_that_they_tell(tmp_path: Path) -> None:
    likelihood = Gaussian(np.zeros(2), np.eye(2))
    box = Box(np.array([[0.0, 30.0], [-30.0, 30.0]]))
    draws = drawn(tmp_path, box, likelihood, SMALL)
    rounds = draws.details["batches"]
    assert draws.theta.shape == (3, 256 * rounds, 1, 2)
    assert draws.log_weight is not None
    assert draws.log_weight.shape == draws.log_likelihood.shape == (3, 256 * rounds, 1)
    assert np.logaddexp.reduce(draws.log_weight, axis=None) == pytest.approx(0.0, abs=1e-9)
    assert not np.isnan(draws.log_weight).any()
    assert np.isfinite(draws.kept()[1]).all()
    assert np.isfinite(draws.theta).all()
    inside = draws.log_prior > -np.inf
    assert not inside.all()  # the edge is crossed, and such draws weigh nothing
    assert (draws.log_weight[~inside] == -np.inf).all()
    flat = draws.theta.reshape(-1, 2)[inside.ravel()]
    assert likelihood(flat) == pytest.approx(draws.log_likelihood[inside])
    json.dumps(dict(draws.details), allow_nan=False)


def test_all_batches_are_done_where_convergence_is_not_to_end_it(tmp_path: Path) -> None:
    likelihood = correlated(2)
    draws = drawn(tmp_path, around(likelihood, 8.0), likelihood, SMALL, adaptive=False)
    assert (draws.ended, draws.details["batches"]) == ("batches", 6)


def test_populations_are_independent(tmp_path: Path) -> None:
    likelihood = correlated(2)
    draws = drawn(tmp_path, around(likelihood, 8.0), likelihood, SMALL)
    one, other = draws.theta[0, :, 0], draws.theta[1, :, 0]
    assert not (one[:, None] == other[None]).any()


def test_a_model_that_exists_nowhere_is_refused(tmp_path: Path) -> None:
    box = Box(np.array([[0.0, 1.0]]))
    with pytest.raises(ConfigError, match=r"likelihood is above 0 at 0 of \d+ draws .*p0"):
        drawn(tmp_path, box, lambda theta: np.full(len(theta), -np.inf), {"batch": 64})


def test_a_model_that_exists_in_a_corner_of_its_prior_is_found(tmp_path: Path) -> None:
    def likelihood(theta: Array) -> Array:
        return np.where((theta < 0.05).all(axis=1), 0.0, -np.inf)

    draws = drawn(tmp_path, Box(np.array([[0.0, 1.0], [0.0, 1.0]])), likelihood)
    assert draws.ln_z == pytest.approx(math.log(0.0025), abs=0.02)
    assert moments(draws)[0] == pytest.approx([0.025, 0.025], abs=0.002)


class Stopped(BaseException):
    """As a signal or a deadline, anywhere."""


class Counted:
    """A likelihood that does something at its evaluation number `at`."""

    def __init__(
        self,
        at: int,
        act: Callable[[], None],
        likelihood: Callable[[Array], Array] | None = None,
    ) -> None:
        self.left, self.act, self.likelihood = at, act, likelihood or LIKELIHOOD

    def __call__(self, theta: Array) -> Array:
        self.left -= 1
        if self.left == 0:
            self.act()
        return self.likelihood(theta)


LIKELIHOOD = correlated(2, 0.01)
PRIOR = Box(np.array([[-1.0, 1.0], [-2.0, 2.0]]))
TARGETS = {"ln_z_sd": 1e-6, "every": 1}  # never met: all batches are drawn


def stop() -> None:
    raise Stopped


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def same(one: Draws, other: Draws) -> None:
    ours, theirs = one.as_arrays(), other.as_arrays()
    assert {name: array.tobytes() for name, array in ours.arrays.items()} == {
        name: array.tobytes() for name, array in theirs.arrays.items()
    }
    assert json.dumps(ours.about) == json.dumps(theirs.about)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Draws, int]:
    """A run that nothing disturbed, and how often it asked the likelihood."""
    counted = Counted(0, stop)
    draws = drawn(tmp_path_factory.mktemp("whole"), PRIOR, counted, SMALL, **TARGETS)
    return draws, -counted.left


def test_a_run_stopped_at_any_evaluation_goes_on_exactly(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    expected, calls = whole
    rng = np.random.default_rng(5)
    for at in rng.choice(np.arange(1, calls + 1), 6, replace=False):
        folder = tmp_path / str(at)
        with pytest.raises(Stopped):
            drawn(folder, PRIOR, Counted(int(at), stop), SMALL, **TARGETS)
        counted = Counted(0, stop)
        same(expected, drawn(folder, PRIOR, counted, SMALL, **TARGETS))
        assert -counted.left == calls - (at - 1)  # not one evaluation is made again


def test_a_run_stopped_again_and_again_goes_on_exactly(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    expected, calls = whole
    for _ in range(calls):
        try:
            draws = drawn(tmp_path, PRIOR, Counted(4, stop), SMALL, **TARGETS)
        except Stopped:
            continue
        same(expected, draws)
        return
    raise AssertionError("it never ended")


def test_a_run_whose_proposal_is_taken_up_again_goes_on_exactly(tmp_path: Path) -> None:
    poor = {**SMALL, "components": 1, "adaptations": 1}

    def cut(folder: Path, counted: Counted) -> Draws:
        return drawn(folder, WeakCPL.BOX, counted, poor, **TARGETS)

    counted = Counted(0, stop, WeakCPL())
    expected = cut(tmp_path / "whole", counted)
    assert expected.details["proposals"] > 1
    assert expected.details["batches"] == 6
    calls = -counted.left
    for at in range(calls - 1, calls // 3, -13):
        with pytest.raises(Stopped):
            cut(tmp_path / str(at), Counted(at, stop, WeakCPL()))
        same(expected, cut(tmp_path / str(at), Counted(0, stop, WeakCPL())))


def test_a_killed_run_goes_on_exactly(tmp_path: Path, whole: tuple[Draws, int]) -> None:
    expected, calls = whole
    rng = np.random.default_rng(6)
    for at in rng.choice(np.arange(2, calls + 1), 4, replace=False):
        folder = tmp_path / str(at)
        child = os.fork()
        if child == 0:
            try:
                drawn(folder, PRIOR, Counted(int(at), kill), SMALL, **TARGETS)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        same(expected, drawn(folder, PRIOR, Counted(0, stop), SMALL, **TARGETS))


def test_a_finished_run_evaluates_nothing_when_it_is_run_again(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    expected, _ = whole
    drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, **TARGETS)
    same(expected, drawn(tmp_path, PRIOR, Counted(1, stop), SMALL, **TARGETS))


def test_stricter_targets_and_more_batches_go_on(tmp_path: Path) -> None:
    easy = {"ln_z_sd": 0.2, "ess": 50.0, "mcse": 0.5, "rhat": 2.0}
    first = drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, **easy)
    assert first.ended == "converged"
    short = drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, **TARGETS)
    assert short.ended == "batches"
    more = drawn(tmp_path, PRIOR, LIKELIHOOD, {**SMALL, "max_batches": 12}, **TARGETS)
    assert more.theta.shape[1] == 2 * short.theta.shape[1] > first.theta.shape[1]
    for one in (first, short):
        assert np.array_equal(more.theta[:, : one.theta.shape[1]], one.theta)
    with pytest.raises(ResumeError, match=r"sampler\.max_batches=6: target has 12 already"):
        drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, **TARGETS)
    assert drawn(tmp_path, PRIOR, Counted(1, stop), {**SMALL, "max_batches": 12}, **easy).ended == (
        "converged"
    )


def test_another_signature_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, signature={"data": "a"})
    with pytest.raises(ResumeError, match="data"):
        drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, signature={"data": "b"})


def test_draws_that_were_changed_on_disk_are_refused(tmp_path: Path) -> None:
    drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, **TARGETS)
    (path,) = (tmp_path / "sampling" / "target").iterdir()
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ResumeError, match=r"draws\.f64"):
        drawn(tmp_path, PRIOR, LIKELIHOOD, SMALL, **TARGETS)


def run_until(folder: Path, seconds: float) -> DurableRun:
    governor = Governor(seconds)
    return DurableRun(
        folder, study="janus", run_name="test", phases={"sample": 1.0}, governor=governor
    )


def test_a_deadline_gives_what_there_is_and_is_gone_on_from(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    expected, calls = whole

    def overrun() -> None:
        signal.pause()  # until the alarm of the deadline

    sampler = Importance(kind="importance", **SMALL)
    with run_until(tmp_path, 1.0) as run, run.phase("sample"):
        task = task_of(run, PRIOR, Counted(calls - 1, overrun), **TARGETS)
        draws = sample(task, sampler)
    assert draws.ended == "deadline"
    assert 1 <= draws.details["batches"] < 6
    assert draws.theta.shape[1] == 256 * draws.details["batches"]
    same(
        replace(expected, ended="deadline", evaluations=0, ln_z=0.0, ln_z_sd=0.0, details={}),
        replace(
            drawn(tmp_path, PRIOR, Counted(0, stop), SMALL, **TARGETS),
            ended="deadline", evaluations=0, ln_z=0.0, ln_z_sd=0.0, details={},
        ),
    )  # fmt: skip


def test_a_deadline_before_the_first_draws_says_so(tmp_path: Path) -> None:
    def overrun() -> None:
        signal.pause()

    with (
        pytest.raises(SuperiorError, match=r"budget\.total"),
        run_until(tmp_path, 0.5) as run,
        run.phase("sample"),
    ):
        task = task_of(run, PRIOR, Counted(2, overrun), **TARGETS)
        sample(task, Importance(kind="importance", **SMALL))
