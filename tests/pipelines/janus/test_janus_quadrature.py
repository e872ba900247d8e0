"""Quadrature: known answers, the same answers as importance sampling, and runs that are cut."""

import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from janus_targets import (
    Box,
    Gaussian,
    StandardNormals,
    around,
    banana,
    correlated,
    run_in,
    task_of,
    two_modes,
)

from app.config.janus.sampler import Importance, Quadrature
from app.durable.governor import Governor
from app.durable.run import DurableRun
from app.errors import ConfigError, ResumeError, SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers import importance
from app.pipelines.janus.samplers.quadrature import sample
from app.pipelines.janus.samplers.support import support_of


def found(
    folder: Path,
    prior: Box | StandardNormals,
    likelihood: Callable[[Array], Array],
    sampler: dict[str, object] | None = None,
    **told: object,
) -> Draws:
    with run_in(folder) as run, run.phase("sample"):
        task = task_of(run, prior, likelihood, **told)
        return sample(task, Quadrature(kind="quadrature", **(sampler or {})))


def moments(draws: Draws) -> tuple[Array, Array]:
    theta, weight = draws.kept()
    mean = weight @ theta
    return mean, np.sqrt(weight @ (theta - mean) ** 2)


@pytest.mark.parametrize(("ndim", "nodes"), [(1, 96), (2, 96), (3, 64)])
def test_a_gaussian_is_exact(tmp_path: Path, ndim: int, nodes: int) -> None:
    likelihood = correlated(ndim)
    prior = around(likelihood, 10.0)
    draws = found(tmp_path, prior, likelihood, {"nodes": nodes})
    assert draws.ended == "converged"
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=1e-10)
    mean, sd = moments(draws)
    assert mean == pytest.approx(likelihood.mean, abs=1e-9)
    assert sd == pytest.approx(np.sqrt(np.diag(likelihood.covariance)), rel=1e-9)


@pytest.mark.parametrize(("ndim", "scale"), [(1, 1e-6), (2, 1e-4), (3, 1e-3)])
def test_a_narrow_posterior_in_a_wide_prior(tmp_path: Path, ndim: int, scale: float) -> None:
    likelihood = correlated(ndim, scale)
    prior = Box(np.tile([-1.0, 1.0], (ndim, 1)))
    draws = found(tmp_path, prior, likelihood, {"nodes": 48})
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=1e-6)
    mean, sd = moments(draws)
    assert mean == pytest.approx(likelihood.mean, abs=1e-6 * scale)
    assert sd == pytest.approx(np.sqrt(np.diag(likelihood.covariance)), rel=1e-5)


@pytest.mark.parametrize("ndim", [1, 2])
def test_a_posterior_cut_at_edges_of_its_prior(tmp_path: Path, ndim: int) -> None:
    likelihood = Gaussian(np.zeros(ndim), np.eye(ndim))
    draws = found(tmp_path, Box(np.tile([0.0, 30.0], (ndim, 1))), likelihood)
    assert draws.ln_z == pytest.approx(-ndim * math.log(60.0), abs=1e-10)
    mean, sd = moments(draws)
    assert mean == pytest.approx(np.full(ndim, math.sqrt(2.0 / math.pi)), abs=1e-9)
    assert sd == pytest.approx(np.full(ndim, math.sqrt(1.0 - 2.0 / math.pi)), abs=1e-9)


def test_two_modes_much_further_apart_than_they_are_wide(tmp_path: Path) -> None:
    def likelihood(theta: Array) -> Array:
        return two_modes(np.column_stack([np.abs(theta[:, 0]) * 10.0 - 2000.0, theta[:, 1]]))

    draws = found(tmp_path, Box(np.array([[-1000.0, 1000.0], [-30.0, 30.0]])), likelihood)
    assert len(draws.details["boxes"]) == 2
    assert draws.ln_z == pytest.approx(math.log(2 * 0.1 / (2000.0 * 60.0)), abs=1e-8)
    theta, weight = draws.kept()
    assert weight[theta[:, 0] > 200.0].sum() == pytest.approx(0.1, abs=1e-8)
    assert weight[theta[:, 0] > 0.0].sum() == pytest.approx(0.5, abs=1e-8)


def test_priors_without_bounds(tmp_path: Path) -> None:
    likelihood = Gaussian(np.full(2, 0.5), 1e-4 * np.eye(2))
    draws = found(tmp_path, StandardNormals(2), likelihood)
    variance = 1.0 + 1e-4
    truth = 2 * (-0.5 * math.log(2 * math.pi * variance) - 0.125 / variance)
    assert draws.ln_z == pytest.approx(truth, abs=1e-9)


def test_nodes_are_doubled_until_the_error_is_small_and_it_is_told(tmp_path: Path) -> None:
    prior = Box(np.array([[-10.0, 10.0], [-20.0, 60.0]]))
    few = found(tmp_path / "few", prior, banana, {"nodes": 96}, adaptive=False)
    assert few.ended == "nodes"
    assert few.details["nodes"] == [96, 96]
    assert few.ln_z is not None
    assert few.ln_z_sd is not None
    assert 1e-5 < abs(few.ln_z + prior.log_volume) < few.ln_z_sd
    draws = found(tmp_path / "enough", prior, banana, {"nodes": 96})
    assert draws.ended == "converged"
    assert draws.details["nodes"][0] > 96
    assert draws.ln_z == pytest.approx(-prior.log_volume, abs=1e-4)
    mean, sd = moments(draws)
    assert mean == pytest.approx([0.0, 1.0], abs=2e-3)
    assert sd == pytest.approx([1.0, math.sqrt(2.0625)], rel=2e-3)


def test_importance_sampling_agrees_on_a_curved_posterior(tmp_path: Path) -> None:
    """Curved, and cut by an edge of the prior: no textbook has its numbers."""
    prior = Box(np.array([[-0.5, 3.0], [-1.0, 8.0]]))
    grid = found(tmp_path / "grid", prior, banana)
    with run_in(tmp_path / "draws") as run, run.phase("sample"):
        task = task_of(run, prior, banana)
        draws = importance.sample(task, Importance(kind="importance"))
    assert draws.ln_z == pytest.approx(grid.ln_z, abs=0.01)
    (mean, sd), (truth, truth_sd) = moments(draws), moments(grid)
    assert np.abs((mean - truth) / truth_sd).max() < 0.03
    assert sd == pytest.approx(truth_sd, rel=0.03)


def test_nodes_carry_the_posterior(tmp_path: Path) -> None:
    likelihood = correlated(2)
    draws = found(tmp_path, around(likelihood, 10.0), likelihood)
    assert draws.log_weight is not None
    assert draws.theta.shape == (1, draws.log_weight.shape[1], 1, 2)
    assert np.isfinite(draws.log_weight).all()
    assert np.logaddexp.reduce(draws.log_weight, axis=None) == pytest.approx(0.0, abs=1e-9)
    assert likelihood(draws.theta[0, :, 0]) == pytest.approx(draws.log_likelihood[0, :, 0])
    json.dumps(dict(draws.details), allow_nan=False)


def test_four_parameters_are_refused(tmp_path: Path) -> None:
    likelihood = correlated(4)
    with pytest.raises(ConfigError, match=r"4 parameters .*sampler=importance"):
        found(tmp_path, around(likelihood, 10.0), likelihood)


def test_a_model_that_exists_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"likelihood is 0 at all .*p0"):
        found(tmp_path, Box(np.array([[0.0, 1.0]])), lambda theta: np.full(len(theta), -np.inf))


def test_the_support_reaches_as_far_as_the_tail() -> None:
    def values(axes: list[Array]) -> Array:
        value: Array = -0.5 * (axes[0][:, None] ** 2 + (axes[1][None] / 5.0) ** 2)
        return value

    (box,) = support_of(Box(np.array([[-100.0, 100.0]] * 2)), values, tail=8.0)
    least = np.array([[-4.0, 4.0], [-20.0, 20.0]])
    assert (np.abs(box) >= np.abs(least)).all()
    assert (np.abs(box) <= 1.3 * np.abs(least)).all()


class Stopped(BaseException):
    """As a signal or a deadline, anywhere."""


class Counted:
    """A likelihood that does something at its evaluation number `at`."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.left, self.act = at, act

    def __call__(self, theta: Array) -> Array:
        self.left -= 1
        if self.left == 0:
            self.act()
        return LIKELIHOOD(theta)


LIKELIHOOD = correlated(2, 0.01)
PRIOR = Box(np.array([[-1.0, 1.0], [-2.0, 2.0]]))


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
    draws = found(tmp_path_factory.mktemp("whole"), PRIOR, counted, every=1)
    return draws, -counted.left


def test_a_run_stopped_at_any_evaluation_goes_on_exactly(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    expected, calls = whole
    assert calls > 10
    for at in np.random.default_rng(5).choice(np.arange(1, calls + 1), 5, replace=False):
        folder = tmp_path / str(at)
        with pytest.raises(Stopped):
            found(folder, PRIOR, Counted(int(at), stop), every=1)
        counted = Counted(0, stop)
        same(expected, found(folder, PRIOR, counted, every=1))
        assert -counted.left == calls - (at - 1)  # not one evaluation is made again


def test_a_killed_run_goes_on_exactly(tmp_path: Path, whole: tuple[Draws, int]) -> None:
    expected, calls = whole
    for at in np.random.default_rng(6).choice(np.arange(2, calls + 1), 3, replace=False):
        folder = tmp_path / str(at)
        child = os.fork()
        if child == 0:
            try:
                found(folder, PRIOR, Counted(int(at), kill), every=1)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        same(expected, found(folder, PRIOR, Counted(0, stop), every=1))


def test_a_finished_run_evaluates_nothing_when_it_is_run_again(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    found(tmp_path, PRIOR, LIKELIHOOD)
    same(whole[0], found(tmp_path, PRIOR, Counted(1, stop)))


def test_another_signature_is_refused(tmp_path: Path) -> None:
    found(tmp_path, PRIOR, LIKELIHOOD, signature={"data": "a"})
    with pytest.raises(ResumeError, match="data"):
        found(tmp_path, PRIOR, LIKELIHOOD, signature={"data": "b"})


def cut_by_a_deadline(folder: Path, at: int) -> Draws:
    def overrun() -> None:
        signal.pause()  # until the alarm of the deadline

    governor = Governor(1.0)
    with (
        DurableRun(
            folder, study="janus", run_name="test", phases={"sample": 1.0}, governor=governor
        ) as run,
        run.phase("sample"),
    ):
        task = task_of(run, PRIOR, Counted(at, overrun), every=1)
        return sample(task, Quadrature(kind="quadrature"))


def test_a_deadline_gives_the_grid_there_is_and_is_gone_on_from(
    tmp_path: Path, whole: tuple[Draws, int]
) -> None:
    expected, calls = whole
    draws = cut_by_a_deadline(tmp_path, calls)
    assert draws.ended == "deadline"
    assert draws.details["nodes"] == [48, 48]
    assert draws.ln_z_sd is None
    assert draws.ln_z == pytest.approx(expected.ln_z, abs=1e-4)
    same(expected, found(tmp_path, PRIOR, LIKELIHOOD, every=1))


def test_a_deadline_before_the_first_grid_says_so(tmp_path: Path) -> None:
    with pytest.raises(SuperiorError, match=r"budget\.total"):
        cut_by_a_deadline(tmp_path, 2)
