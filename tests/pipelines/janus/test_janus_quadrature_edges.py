"""Quadrature where the model's domain ends inside the prior: the error that is told is one."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from janus_targets import Box, run_in, task_of
from scipy.special import log_ndtr

from app.config.janus.sampler import Convergence, Quadrature
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.judgement import judge
from app.pipelines.janus.samplers.quadrature import sample

SQUARE = Box(np.array([[-10.0, 10.0]] * 2))


def oblique(slope: float, end: float) -> Callable[[Array], Array]:
    """A Gaussian cut by x + slope y < end."""

    def likelihood(theta: Array) -> Array:
        inside = theta[:, 0] + slope * theta[:, 1] < end
        return np.where(inside, -0.5 * (theta**2).sum(axis=1), -np.inf)

    return likelihood


def ln_z_of(slope: float, end: float) -> float:
    """The Gaussian's mass on one side of a line is that of one dimension."""
    mass = float(log_ndtr(end / math.hypot(1.0, slope)))
    return math.log(2.0 * math.pi) + mass - SQUARE.log_volume


def found(
    folder: Path, prior: Box, likelihood: Callable[[Array], Array], nodes: int = 96, **told: object
) -> Draws:
    with run_in(folder) as run, run.phase("sample"):
        task = task_of(run, prior, likelihood, **told)
        return sample(task, Quadrature(kind="quadrature", nodes=nodes))


def test_the_error_told_of_oblique_edges_covers_the_real_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for case in range(24):
        slope, end = (0.7, rng.uniform(-0.5, 0.5)) if case % 2 else rng.uniform([0.05, -1], [3, 1])
        draws = found(tmp_path / str(case), SQUARE, oblique(slope, end), 48, adaptive=False)
        assert draws.details["edge_inside"]
        assert draws.ended == "nodes"
        assert draws.ln_z_sd is not None
        assert 0.003 < draws.ln_z_sd < 0.5
        covered.append(abs(draws.ln_z - ln_z_of(slope, end)) <= draws.ln_z_sd)
    assert np.mean(covered) >= 0.95


@pytest.mark.parametrize("end", [0.21, -0.44])
def test_nodes_are_doubled_until_the_error_at_an_edge_is_small(tmp_path: Path, end: float) -> None:
    draws = found(tmp_path, SQUARE, oblique(0.7, end), 48, ln_z_sd=0.012)
    assert draws.ended == "converged"
    assert draws.details["nodes"][0] > 48
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    assert abs(draws.ln_z - ln_z_of(0.7, end)) <= draws.ln_z_sd <= 0.012
    theta, weight = draws.kept()
    distance = theta @ [1.0, 0.7] / math.hypot(1.0, 0.7)  # from the middle, towards the edge
    edge = end / math.hypot(1.0, 0.7)
    truth = -math.exp(-0.5 * edge**2 - float(log_ndtr(edge))) / math.sqrt(2.0 * math.pi)
    assert weight @ distance == pytest.approx(truth, abs=2.0 * draws.details["mean_error"])


def test_an_edge_that_no_grid_resolves_has_not_converged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipelines.janus.samplers.quadrature.MOST_NODES", 10_000)
    draws = found(tmp_path, SQUARE, oblique(0.7, 0.3))
    assert draws.ended == "nodes"
    told = judge(draws, Convergence(), SQUARE, "quadrature")  # type: ignore[arg-type]
    assert not told.converged
    assert told.judged == ["mcse", "ln_z_sd"]
    assert told.unmet[0].startswith("standard error of ln Z is ")


@pytest.mark.parametrize("edge", [0.31, 0.5, 0.7377])
def test_boxes_end_on_an_edge_along_an_axis(tmp_path: Path, edge: float) -> None:
    def step(theta: Array) -> Array:
        return np.where(theta[:, 0] < edge, 0.0, -np.inf)

    one = found(tmp_path / "1", Box(np.array([[0.0, 1.0]])), step)
    assert one.ln_z == pytest.approx(math.log(edge), abs=1e-12)

    def cut(theta: Array) -> Array:
        return np.where(theta[:, 1] > edge, -0.5 * (theta**2).sum(axis=1), -np.inf)

    two = found(tmp_path / "2", SQUARE, cut)
    truth = math.log(2.0 * math.pi) + float(log_ndtr(-edge)) - SQUARE.log_volume
    assert two.ln_z == pytest.approx(truth, abs=1e-10)
    for draws in (one, two):
        assert draws.ended == "converged"
        assert not draws.details["edge_inside"]
        assert draws.ln_z_sd is not None
        assert draws.ln_z_sd < 1e-9


def test_an_edge_far_out_asks_for_no_more_grids(tmp_path: Path) -> None:
    draws = found(tmp_path, SQUARE, oblique(0.7, 8.5))
    assert draws.ended == "converged"
    assert draws.details["nodes"] == [96, 96]
    assert not draws.details["edge_inside"]
    assert draws.ln_z is not None
    assert draws.ln_z_sd is not None
    assert abs(draws.ln_z - ln_z_of(0.7, 8.5)) < draws.ln_z_sd < 1e-6


class Stopped(BaseException):
    """As a signal, anywhere."""


def test_a_run_stopped_among_its_five_grids_goes_on_exactly(tmp_path: Path) -> None:
    calls = 0

    def counted(theta: Array) -> Array:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Stopped
        return oblique(0.7, 0.3)(theta)

    stop_at = 0
    expected = found(tmp_path / "whole", SQUARE, counted, adaptive=False, every=1)
    total = calls
    for stop_at in (total - 9, total - 4, total):
        calls = 0
        with pytest.raises(Stopped):
            found(tmp_path / str(stop_at), SQUARE, counted, adaptive=False, every=1)
        calls, before = 0, calls
        draws = found(tmp_path / str(stop_at), SQUARE, counted, adaptive=False, every=1)
        assert calls == total - (before - 1)
        ours, theirs = draws.as_arrays(), expected.as_arrays()
        assert ours.about == theirs.about
        assert all(np.array_equal(ours.arrays[name], theirs.arrays[name]) for name in ours.arrays)
