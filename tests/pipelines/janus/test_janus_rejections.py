"""A function that fails at a rare vector ends a run; with cosmology.on_error=reject, not."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_study_runs import CUSTOM, SMALL, JanusRuns, drawn, folder_of, module, read_json

from app.config.janus.cosmology import Custom
from app.config.janus.prior import Prior
from app.config.janus.sampler import Workers
from app.errors import SuperiorError
from app.pipelines.janus.at_work import at_work
from app.pipelines.janus.custom_posterior import custom_posterior
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.rejections import FILE

RUN = ("pipeline=janus.sample", *CUSTOM, *SMALL["emcee"], "sampler.steps=120")
LINES = ('if theta[0] > 2.4: raise ValueError("no root")', "return -0.5 * (theta[0] - 1.0) ** 2")
OWN = """
import numpy as np


def log_prob(theta):
    if theta[0] == 1.0:
        raise ValueError("no root there")
    return {2.0: np.nan, 3.0: np.inf, 4.0: None}.get(float(theta[0]), -float(theta[0]))


def batch(theta):
    if (theta[:, 0] == 9.0).any():
        raise ValueError("no root there")
    return np.where(theta[:, 0] == 2.0, np.nan, np.where(theta[:, 0] == 3.0, np.inf, -theta[:, 0]))
"""
THETA = np.array([[0.5], [1.0], [2.0], [3.0], [4.0], [5.0], [2.0]])

Make = Callable[..., Posterior]


@pytest.fixture
def own(tmp_path: Path) -> Make:
    (tmp_path / "rare.py").write_text(OWN)

    def make(**choices: Any) -> Posterior:
        told = {
            "kind": "custom",
            "name": "custom",
            "log_prob_module": str(tmp_path / "rare.py"),
            "prior": {"a": {"kind": "uniform", "low": 0.0, "high": 10.0}},
            "includes_prior": False,
            **choices,
        }
        return custom_posterior(Custom.model_validate(told), Prior(), ())

    return make


@contextmanager
def working(posterior: Posterior, n_workers: int = 1, backend: str = "processes") -> Iterator[Any]:
    workers = Workers.model_validate({"backend": backend})
    with at_work({"own": posterior}, n_workers, workers) as posteriors:
        yield posteriors["own"]


def rejected(posterior: Posterior) -> int:
    count: int = posterior.log_likelihood_of.evaluated.count  # type: ignore[attr-defined]
    return count


@pytest.mark.parametrize(
    ("n_workers", "backend"), [(1, "processes"), (2, "processes"), (2, "joblib")]
)
def test_what_has_no_value_has_probability_0(
    own: Make, n_workers: int, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = [-0.5, -np.inf, -np.inf, -np.inf, -np.inf, -5.0, -np.inf]
    with (
        caplog.at_level(logging.WARNING),
        working(own(on_error="reject"), n_workers, backend) as posterior,
    ):
        np.testing.assert_array_equal(posterior.log_likelihood(THETA), expected)
        np.testing.assert_array_equal(posterior.log_likelihood(THETA[::-1]), expected[::-1])
        assert rejected(posterior) == 4, "each vector counts once"
    first, last = [record.getMessage() for record in caplog.records]
    assert "raised ValueError: no root there" in first
    assert "rare.py, line 7" in first
    assert "a=1.0" in first
    assert "at 4 vectors" in last


def test_a_batch_has_some_without_a_value(own: Make) -> None:
    told = {"on_error": "reject", "vectorised": True, "log_prob_function": "batch"}
    with working(own(**told)) as posterior:
        values = posterior.log_likelihood(THETA)
        np.testing.assert_array_equal(values[[2, 3, 6]], [-np.inf] * 3)
        np.testing.assert_array_equal(values[[0, 1, 4, 5]], -THETA[[0, 1, 4, 5], 0])
        assert rejected(posterior) == 2
        with pytest.raises(SuperiorError, match=r"ends a whole batch: let it give NaN"):
            posterior.log_likelihood(np.array([[0.5], [9.0]]))


@pytest.mark.parametrize("theta", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("n_workers", [1, 2])
def test_by_default_it_is_raised_and_the_message_says_what_else(
    own: Make, theta: float, n_workers: int
) -> None:
    with (
        working(own(), n_workers) as posterior,
        pytest.raises(SuperiorError, match=r"a=\d.0\n  cosmology.on_error=reject"),
    ):
        posterior.log_likelihood(np.array([[0.5], [theta]]))


def test_outside_of_sampling_nothing_is_counted(own: Make) -> None:
    """Estimates, the page."""
    values = own(on_error="reject").log_likelihood(THETA)
    assert values[0] == -0.5
    assert np.isneginf(values[1:5]).all()


def test_the_identity_is_the_same(own: Make) -> None:
    assert own(on_error="reject").identity == own().identity


@pytest.mark.parametrize("torn", [0, 5])
def test_a_run_that_goes_on_finds_them_again(own: Make, tmp_path: Path, torn: int) -> None:
    (tmp_path / "checkpoints-own").mkdir()
    posteriors = {"own": own(on_error="reject")}
    with at_work(posteriors, 1, Workers(), tmp_path) as at:
        at["own"].log_likelihood(THETA[:3])
    file = tmp_path / "sampling" / "own" / FILE
    assert np.frombuffer(file.read_bytes()).tolist() == [1.0, 2.0]
    with file.open("ab") as opened:
        opened.write(b"x" * torn)
    with at_work(posteriors, 1, Workers(), tmp_path) as at:
        at["own"].log_likelihood(THETA[2:5])
        assert rejected(at["own"]) == 4
    assert np.frombuffer(file.read_bytes()).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_run_that_begins_finds_none(own: Make, tmp_path: Path) -> None:
    """Of an earlier function, before whose first checkpoint the run was killed."""
    for _ in range(2):
        with at_work({"own": own(on_error="reject")}, 1, Workers(), tmp_path) as at:
            assert rejected(at["own"]) == 0
            at["own"].log_likelihood(THETA[:3])
            assert rejected(at["own"]) == 2


def test_a_run_that_failed_goes_on_with_reject(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """Killed on its way as well; what it draws, and counts, is what it would have at once."""
    overrides = [*RUN, module(tmp_path, *LINES)]
    failed = janus_runs(tmp_path / "out", *overrides)
    assert failed.code == 1
    assert "cosmology.on_error=reject" in failed.said
    overrides += ["cosmology.on_error=reject"]
    killed = janus_runs(
        tmp_path / "out", *overrides, strike={"point": "evaluation", "number": 90, "signal": 9}
    )
    assert killed.code == -9, killed.said
    ended = janus_runs(tmp_path / "out", *overrides, "n_workers=2")
    assert ended.code == 0, ended.said
    assert "(cosmology.on_error=reject)" in ended.said
    whole = janus_runs(tmp_path / "whole", *overrides)
    assert whole.code == 0, whole.said
    assert drawn(tmp_path / "out") == drawn(tmp_path / "whole")
    about = read_json(folder_of(tmp_path / "out") / "draws" / "about.json")
    assert '"rejected": 0' not in json.dumps(about)
    assert '"rejected": ' in json.dumps(about)
