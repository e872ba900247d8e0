"""An assessment that is killed goes on with the next model, to the same result; and tells how far
it is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from janus_linear import weighted
from janus_study import Study

from app.config.janus.sampler import Convergence, Sampler
from app.datasets.arrays import Arrays
from app.durable.run import DurableRun
from app.pipelines.janus import assess
from app.pipelines.janus.assembly import posteriors_of
from app.pipelines.janus.draws import Draws, packed
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.report import assess_models

FEW = ["likelihood=simulated", "likelihood.parts.simulated.count=30"]
Posteriors = dict[str, Posterior]


class Killed(BaseException):
    """As SIGKILL: nothing on the way takes it for a failure."""


@pytest.fixture(scope="module")
def posteriors() -> Posteriors:
    study = Study.of(FEW, Path("none"))
    config = study.config
    return posteriors_of(config.models(), config.likelihood, config.prior, study.observations)


@pytest.fixture(scope="module")
def draws(posteriors: Posteriors) -> Arrays:
    return packed({name: of_prior(posterior, 1) for name, posterior in posteriors.items()})


def of_prior(posterior: Posterior, seed: int) -> Draws:
    theta = posterior.prior.draw(np.random.default_rng(seed), 600).reshape(4, 150, -1)
    log_weight = posterior.log_likelihood(theta.reshape(600, -1)).reshape(4, 150)
    drawn: Draws = weighted(posterior.prior, theta, log_weight, posterior)
    return drawn


@contextmanager
def run_in(folder: Path) -> Iterator[DurableRun]:
    with DurableRun(
        folder, study="janus", run_name="a", phases={"assess": 1.0, "plots": 1.0}
    ) as run:
        yield run


def findings(folder: Path, draws: Arrays, posteriors: Posteriors, seed: int = 1) -> Any:
    sampler = Sampler.model_validate({"kind": "importance"})
    with run_in(folder) as run:
        return assess_models(run, draws, posteriors, sampler, Convergence(), seed)[0]


def told(folder: Path, event: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return [line for line in lines if line.get("event") == event]


def assessed_models(monkeypatch: pytest.MonkeyPatch, fails_at: int = 9) -> list[str]:
    """Names of models, as each is looked at; the one of this number is not finished."""
    names: list[str] = []
    real = assess.criteria

    def criteria(draws: Draws, *rest: Any) -> Any:
        names.append(draws.names[0])
        if len(names) == fails_at:
            raise Killed
        return real(draws, *rest)

    monkeypatch.setattr(assess, "criteria", criteria)
    return names


def test_a_kill_repeats_no_model_that_was_done(
    tmp_path: Path, draws: Arrays, posteriors: Posteriors, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = findings(tmp_path / "whole", draws, posteriors)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        assessed_models(patched, fails_at=2)
        findings(tmp_path / "killed", draws, posteriors)
    again = assessed_models(monkeypatch)
    assert json.dumps(findings(tmp_path / "killed", draws, posteriors)) == json.dumps(whole)
    assert again == ["Om"]
    kept = [(event["model"], event["kept"]) for event in told(tmp_path / "killed", "ASSESSED")]
    assert kept == [("janus", False), ("janus", True), ("lcdm", False)]


@pytest.mark.parametrize("changed", ["draws", "seed", "code", "a torn file"])
def test_what_was_kept_of_something_else_is_made_again(
    changed: str,
    tmp_path: Path,
    draws: Arrays,
    posteriors: Posteriors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    findings(tmp_path, draws, posteriors)
    again = assessed_models(monkeypatch)
    if changed == "draws":
        draws = packed({name: of_prior(one, 2) for name, one in posteriors.items()})
    if changed == "code":
        monkeypatch.setattr("app.pipelines.janus.assessing._code", lambda: "another")
    if changed == "a torn file":
        for path in (tmp_path / "assessed").iterdir():
            path.write_text(path.read_text()[:100])
    found = findings(tmp_path, draws, posteriors, seed=2 if changed == "seed" else 1)
    assert again == ["q0", "Om"]
    assert found["models"]["janus"]["criteria"]["waic"] is not None


def test_every_step_moves_the_progress(
    tmp_path: Path, draws: Arrays, posteriors: Posteriors, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, Any]] = []
    real = DurableRun.advance

    def advance(run: DurableRun, fraction: float, cursor: Any = None, units: Any = None) -> None:
        real(run, fraction, cursor, units)
        seen.append((run.progress.fractions["assess"], cursor))

    monkeypatch.setattr(DurableRun, "advance", advance)
    findings(tmp_path, draws, posteriors)
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 7  # three steps of each model, and what compares them
    assert max(np.diff([0.0, *shares])) < 0.3
    assert seen[-2][1] == {"model": 1, "models": 2, "step": 2}
    assert shares[-1] == 1.0
