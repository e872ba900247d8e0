"""A checkpoint is of one set of packages: those that the sampler's draws depend on."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from janus_targets import around, correlated, run_in

from app.config.janus.sampler import Convergence, Resources, Sampler, SamplingCheckpoint
from app.errors import ResumeError
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.sampling import Sampling

SMALL: dict[str, dict[str, Any]] = {
    "emcee": {"walkers": 8, "ensembles": 2, "steps": 20},
    "importance": {"batch": 64, "populations": 2, "max_batches": 2},
    "quadrature": {"nodes": 16},
}


def sampled(folder: Path, kind: str) -> None:
    likelihood = correlated(2)
    posterior = Posterior(around(likelihood, 8.0), likelihood, {"target": "gaussian"})
    sampler = Sampler.model_validate({"kind": kind, **SMALL[kind]})
    targets = Convergence(adaptive=False)
    with run_in(folder) as run, run.phase("sample"):
        Sampling(run, sampler, targets, SamplingCheckpoint(), Resources(), 1).of({"toy": posterior})


@pytest.mark.parametrize(
    ("kind", "package"),
    [("emcee", "emcee"), ("emcee", "scipy"), ("importance", "scipy"), ("quadrature", "scipy")],
)
def test_another_version_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    sampled(tmp_path, kind)
    sampled(tmp_path, kind)
    monkeypatch.setattr(
        "app.pipelines.janus.sampling.version",
        lambda name: "0.1" if name == package else version(name),
    )
    with pytest.raises(ResumeError, match=package):
        sampled(tmp_path, kind)
