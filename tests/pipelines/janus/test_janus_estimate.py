"""What sampling will take: counts and memory as they will be, refusals, and nothing left behind."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_targets import Box, around, correlated

from app.config.janus.sampler import Convergence, Resources, Sampler, SamplingCheckpoint
from app.durable.governor import Governor
from app.durable.run import DurableRun
from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.estimate import KINDS, estimated
from app.pipelines.janus.estimates import cost, memory
from app.pipelines.janus.estimates.rehearsal import Asked, rehearsed
from app.pipelines.janus.estimates.stand_in import Played, replaced, stand_in
from app.pipelines.janus.posterior import LogLikelihood, Posterior
from app.pipelines.janus.sampling import SAMPLERS, Sampling

FIXED = Convergence(adaptive=False)
LOOSE = Convergence(ln_z_sd=0.1, ess=20.0, mcse=0.3)
SMALL: dict[str, dict[str, Any]] = {
    "emcee": {"walkers": 8, "ensembles": 2, "steps": 60},
    "importance": {"batch": 256, "populations": 2},
    "nautilus": {"live_points": 50, "networks": 0, "n_eff": 100},
    "dynesty": {"live_points": 40},
    "quadrature": {"nodes": 16},
}
MANY: dict[str, dict[str, Any]] = {
    "emcee": {"walkers": 32, "steps": 10**7},
    "quadrature": {"nodes": 40_000},
    "dynesty": {"live_points": 10**8},
    "nautilus": {"live_points": 10**8},
}


def sampler_of(kind: str, **given: Any) -> Sampler:
    return Sampler.model_validate({"kind": kind, **SMALL[kind], **given})


def gaussian(d: int = 2, of: LogLikelihood | None = None) -> Posterior:
    likelihood = correlated(d)
    return Posterior(around(likelihood, 8.0), of or likelihood, {"target": "gaussian"})


def estimate(posterior: Posterior, sampler: Sampler, convergence: Convergence, **given: Any) -> Any:
    return estimated(posterior, sampler, convergence, SamplingCheckpoint(), 1, **given)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("kind", sorted(SAMPLERS))
def test_every_sampler_has_an_estimate_and_leaves_nothing(kind: str, temporary: Path) -> None:
    posterior = gaussian()
    found = estimate(posterior, sampler_of(kind), LOOSE)
    assert 0.0 < found.seconds <= found.seconds_most < math.inf
    assert found.evaluations > 0
    assert found.per_evaluation_s > 0.0
    assert found.memory_bytes > memory.REPORT_BYTES
    assert found.how
    assert posterior.evaluations == 0
    assert list(temporary.iterdir()) == []
    assert set(KINDS) == set(SAMPLERS)


@pytest.mark.parametrize("kind", ["importance", "quadrature", "emcee", "nautilus"])
def test_a_run_that_fits_into_its_rehearsal_is_counted_exactly(kind: str) -> None:
    posterior, sampler = gaussian(), sampler_of(kind)
    real = rehearsed(Asked(posterior, sampler.root, LOOSE, SamplingCheckpoint(), 1), math.inf)
    assert real.draws is not None
    assert estimate(posterior, sampler, LOOSE, limit_s=1e6).evaluations == real.evaluations


def unbounded(d: int = 2) -> Posterior:
    """Every proposal is evaluated, since the prior is 0 nowhere."""
    from known_posteriors import gaussian as wide

    return wide(d)


def test_steps_of_a_fixed_chain_are_counted_exactly() -> None:
    sampler = sampler_of("emcee", steps=100_000)
    found = estimate(unbounded(), sampler, FIXED, limit_s=0.1)
    assert found.evaluations == 2 * 8 * 100_000 + 2 * 8  # of each step, and of the starts
    assert found.seconds == found.seconds_most
    assert "100000 steps" in found.how


def test_an_adaptive_chain_ends_at_the_latest_with_all_steps() -> None:
    sampler = sampler_of("emcee", steps=100_000, walkers=32)
    found = estimate(unbounded(), sampler, Convergence(), limit_s=0.4)
    assert found.evaluations < 2 * 32 * 100_000
    assert found.seconds < found.seconds_most
    short = estimate(unbounded(), sampler, Convergence(ess=1e9), limit_s=0.05)
    assert short.seconds == short.seconds_most


def _always(asked: Asked, at: cost.Cost, limit_s: float, batches: int = 0) -> Played:
    return replaced(asked, at, limit_s)


def test_a_slow_likelihood_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for hundreds of values, not for the tens of thousands of the run; the samplers
    that count on its stand-in come near the real number."""
    for module in ("chains", "weighted", "nested", "grid"):
        monkeypatch.setattr(f"app.pipelines.janus.estimates.{module}.played_for", _always)
    asked, likelihood = [0], correlated(2)

    def counted(theta: Array) -> Array:
        asked[0] += len(theta)
        return likelihood(theta)

    for kind in ("quadrature", "importance", "dynesty"):
        sampler = sampler_of(kind)
        real = rehearsed(Asked(gaussian(), sampler.root, LOOSE, SamplingCheckpoint(), 1), math.inf)
        monkeypatch.setattr(cost, "MOST_CALLS", 2)
        asked[0] = 0
        found = estimate(gaussian(of=counted), sampler, LOOSE)
        assert "Gaussian in place" in found.how
        assert ("a posterior that is no Gaussian takes more" in found.how) == (kind == "importance")
        assert found.evaluations == pytest.approx(real.evaluations, rel=0.3)
        measured = 1 + 2 * cost.batch_of(sampler.root)
        assert asked[0] < measured + 500


def test_the_stand_in_is_the_gaussian_it_stands_for() -> None:
    posterior = gaussian(3)
    found, evaluations = stand_in(posterior, 1, 60.0)
    theta = posterior.log_likelihood_of.mean + np.random.default_rng(0).normal(  # type: ignore[attr-defined]
        size=(50, 3)
    )
    assert found.log_likelihood(theta) == pytest.approx(posterior.log_likelihood(theta), rel=1e-4)
    assert evaluations < 500


def test_the_stand_in_of_a_peak_on_a_bound() -> None:
    bounds = np.array([[0.0, 1.0], [-5.0, 5.0]])

    def likelihood(theta: Array) -> Array:
        return -0.5 * (((theta[:, 0] + 0.1) / 0.05) ** 2 + theta[:, 1] ** 2)

    posterior = Posterior(Box(bounds), likelihood, {})
    found, _ = stand_in(posterior, 1, 60.0)
    theta = np.array([[0.0, 0.5], [0.05, 0.0], [0.1, -0.5]])
    assert found.log_likelihood(theta) == pytest.approx(likelihood(theta), rel=1e-3)


@pytest.mark.parametrize("kind", ["emcee", "importance", "quadrature"])
def test_memory_counts_every_draw(kind: str) -> None:
    """Of fixed numbers of draws exactly as many as a run has."""
    given = {"importance": {"max_batches": 3}}.get(kind, {})
    sampler = sampler_of(kind, **given)
    real = rehearsed(Asked(gaussian(), sampler.root, FIXED, SamplingCheckpoint(), 1), math.inf)
    assert real.draws is not None
    draws = real.draws.log_likelihood.size
    if kind == "quadrature":  # nodes without weight are left out
        assert draws <= memory.draws_of(sampler, FIXED, 2) == 16**2
    else:
        assert memory.draws_of(sampler, FIXED, 2) == draws
    weights = 0 if kind == "emcee" else 1
    held = 8 * draws * (2 + 2 + weights)
    assert memory.bytes_of(sampler, FIXED, 2) >= held


@pytest.mark.parametrize("kind", sorted(MANY))
def test_a_run_that_cannot_fit_is_refused(kind: str, tmp_path: Path) -> None:
    sampler = sampler_of(kind, **MANY[kind])
    with run_in(tmp_path) as run:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ConfigError, match="of memory, beyond") as refused:
            sampling(run, sampler, Resources(max_ram_gb=2.0)).of({"toy": gaussian()})
        assert sorted(tmp_path.rglob("*")) == before
    said = str(refused.value)
    assert "resources.max_ram_gb=2" in said
    assert "resources.beyond=true" in said
    key = {"emcee": "sampler.steps", "quadrature": "sampler.nodes"}.get(kind, "live_points")
    assert key in said
    memory.require_memory(
        sampler, FIXED, Resources(max_ram_gb=2.0, beyond=True), {"toy": gaussian()}
    )


def test_what_is_free_is_the_limit_where_none_is_given() -> None:
    sampler = sampler_of("emcee", steps=10**10)
    with pytest.raises(ConfigError, match="the memory that is free"):
        memory.require_memory(sampler, FIXED, Resources(), {"toy": gaussian()})


def run_in(folder: Path, budget_s: float | None = None) -> DurableRun:
    return DurableRun(
        folder, study="janus", run_name="a", phases={"sample": 1.0}, governor=Governor(budget_s)
    )


def sampling(
    run: DurableRun, sampler: Sampler, resources: Resources, convergence: Convergence = FIXED
) -> Sampling:
    return Sampling(run, sampler, convergence, SamplingCheckpoint(), resources, 1)


@pytest.mark.parametrize("limited_by", ["budget", "max_time"])
def test_a_run_that_takes_too_long_is_refused(limited_by: str, tmp_path: Path) -> None:
    budget = 20.0 if limited_by == "budget" else None
    resources = Resources(max_time="20s" if limited_by == "max_time" else None)
    sampler = sampler_of("emcee", steps=10**7)
    with run_in(tmp_path, budget) as run, run.phase("sample"):
        with pytest.raises(ConfigError, match="sampling is expected to take") as refused:
            sampling(run, sampler, resources).of({"toy": gaussian()})
        assert not (tmp_path / "sampling").exists()
    assert "fewer sampler.steps (10000000)" in str(refused.value)
    assert "resources.beyond=true" in str(refused.value)


def test_what_ends_in_order_at_its_deadline_is_let_begin(tmp_path: Path) -> None:
    """Its targets cannot be met."""
    sampler = sampler_of("emcee", steps=10**6)
    endless = Convergence(ess=1e9)
    with run_in(tmp_path, 2.0) as run, run.phase("sample"):
        draws = sampling(run, sampler, Resources(), endless).of({"toy": gaussian()})
    assert draws["toy"].ended == "deadline"


def test_a_run_that_goes_on_is_not_held_against_its_whole(tmp_path: Path) -> None:
    sampler, beyond = sampler_of("emcee", steps=10**7), Resources(beyond=True)
    for resources in (beyond, Resources()):
        with run_in(tmp_path, 1.0) as run, run.phase("sample"):
            draws = sampling(run, sampler, resources).of({"toy": gaussian()})
        assert draws["toy"].ended == "deadline"


def test_a_run_within_its_limits_is_let_begin(tmp_path: Path) -> None:
    with run_in(tmp_path, 600.0) as run, run.phase("sample"):
        draws = sampling(run, sampler_of("dynesty"), Resources(max_ram_gb=8.0)).of(
            {"toy": gaussian()}
        )
    assert draws["toy"].ended == "converged"


@pytest.mark.parametrize("kind", sorted(SAMPLERS))
@pytest.mark.parametrize("budget_s", [0.5, 13.0])
def test_a_budget_without_a_moment_for_sampling_is_refused(
    kind: str, budget_s: float, tmp_path: Path
) -> None:
    """Whatever is given besides; with times that people can read."""
    governor = Governor(budget_s, {"assess": 3.0, "plots": 11.0}, spent_s=1.0)
    phases = {"sample": 1.0, "assess": 1.0, "plots": 1.0}
    resources = Resources(beyond=True)
    with (
        DurableRun(tmp_path, study="janus", run_name="a", phases=phases, governor=governor) as run,
        run.phase("sample"),
        pytest.raises(ConfigError, match="no time is left for sampling") as refused,
    ):
        sampling(run, sampler_of(kind), resources, LOOSE).of({"toy": gaussian()})
    said = str(refused.value)
    assert "14.0 s are kept back for assessing, exporting and plotting" in said
    assert "give budget.total (or budget.deadline) more than 16.0 s" in said
    assert " -" not in said
    assert not list(tmp_path.glob("checkpoints-*"))


def test_a_phase_without_time_is_told_by_its_key(tmp_path: Path) -> None:
    governor = Governor(None, phases_max={"sample": 0.0})
    with (
        DurableRun(
            tmp_path, study="janus", run_name="a", phases={"sample": 1.0}, governor=governor
        ) as run,
        run.phase("sample"),
        pytest.raises(ConfigError, match=r"budget\.phases\.sample leaves no time"),
    ):
        sampling(run, sampler_of("importance"), Resources(), LOOSE).of({"toy": gaussian()})
