"""`kedro estimate` tells what a run will take, and starts nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.config.compose import compose
from app.datasets.observations.dataset import read
from app.estimate import CONF, each, lines
from app.pipelines.janus.assembly import posteriors_of
from app.pipelines.janus.best_fit import best_fit
from app.pipelines.janus.config_digest import config_digest
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.estimates.cost import Cost
from app.pipelines.janus.estimates.reporting import assessment_s, evaluations
from app.pipelines.janus.flatness import flat_parameters

QUICK = ["likelihood=simulated", "sampler=quadrature", "likelihood.parts.simulated.count=40"]
OWN = """
import numpy as np

def log_prob(theta):
    return float(-0.5 * np.sum(theta**2))
"""


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["estimate", *arguments])


def found(told: Result) -> dict[str, Any]:
    assert told.exit_code == 0, told.output
    read: dict[str, Any] = json.loads(told.stdout)
    return read


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_every_model_and_the_whole_without_a_file(tmp_path: Path, temporary: Path) -> None:
    output = tmp_path / "data"
    told = found(ask(*QUICK, f"output_root={output}", "--json"))
    assert list(told["models"]) == ["janus", "lcdm"]
    for one in told["models"].values():
        assert one["likelihood"]["simulated"]["method"] == "compressed"
        assert one["likelihood"]["simulated"]["nodes"] > 0
        assert one["evaluations"] > 0
        assert one["workers"] is None
    sampling = sum(one["seconds"] for one in told["models"].values())
    assert told["sampling_s"] == pytest.approx(sampling)
    assert told["total_s"] > told["sampling_s"] + told["report_s"]
    assert told["fits_memory"]
    assert told["fits_time"] is None
    assert not output.exists()
    assert list(temporary.iterdir()) == []


def test_the_same_for_people(tmp_path: Path) -> None:
    told = ask("--params", ",".join([*QUICK, "rivals=none", "budget.total=1s"]))
    assert told.exit_code == 0, told.output
    assert "janus (q0)" in told.stdout
    assert "compressed on" in told.stdout
    assert "DOES NOT FIT into 1.0 s (what is left of the budget)" in told.stdout
    assert "measuring janus" in told.stderr


def test_workers_that_do_not_help_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    told = found(
        ask(
            *("cosmology=custom", "likelihood=none", "rivals=none", "sampler=quadrature"),
            f"cosmology.log_prob_module={tmp_path / 'own.py'}",
            "cosmology.prior={a: {kind: uniform, low: -9, high: 9}}",
            *("sampler.nodes=16", "n_workers=2", "--json"),
        )
    )
    own = told["models"]["custom"]
    assert own["likelihood"] == {"log_prob": {"method": "opaque"}}
    assert own["workers"]["count"] == 2
    assert "2 workers evaluate" in own["workers"]["told"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["sampler=emcees"], "did you mean 'emcee'"),
        (["pipeline=ideo"], "of the study janus, not ideo"),
        ([*QUICK, "likelihood.parts.simulated.counts=3"], "did you mean 'count'"),
        (["likelihood=jla_binned", "data_root=/nowhere"], "no file /nowhere"),
        ([*QUICK, "cosmology=cpl", "rivals=none", "prior.parameters.Omm=1"], "Omm"),
    ],
)
def test_what_a_run_would_refuse_is_refused(overrides: list[str], said: str) -> None:
    told = ask(*overrides)
    assert told.exit_code in (2, 3)
    assert said in told.output


def test_how_evaluations_are_written() -> None:
    assert [each(value) for value in (1.913e-6, 5.08e-3, 1.2)] == ["1.91 us", "5.08 ms", "1.2 s"]


def test_what_does_not_fit_is_said() -> None:
    told = {
        "run": "a", "sampler": "emcee", "models": {}, "report_s": 8.0, "report_from": "runs",
        "total_s": 100.0, "total_most_s": 101.0, "memory_bytes": 3e9, "memory_room_bytes": 2e9,
        "memory_room": "resources.max_ram_gb=2", "fits_memory": False, "time_limit": None,
    }  # fmt: skip
    text = "\n".join(lines(told))
    assert "DOES NOT FIT into 2.0 GB (resources.max_ram_gb=2)" in text
    assert "total    1 min 40 s\n" in text


def test_the_report_is_of_a_run_of_the_same_only(tmp_path: Path) -> None:
    """Of another likelihood, other models or another sampler nothing is taken over."""
    arguments = [*QUICK, f"output_root={tmp_path / 'data'}", "--json"]
    asked = compose(["study=janus", *arguments[:-1]], CONF).config
    beside = tmp_path / "data" / "reports" / "janus" / "beside"
    beside.mkdir(parents=True)
    measured = found(ask(*arguments))
    data = posteriors_of(
        asked.models(), asked.likelihood, asked.prior, read(asked.likelihood, Path("none"), 42)
    )["janus"].identity["data"]
    config = config_digest(asked.cosmology, asked.likelihood, asked.prior, asked.sampler)
    summary = {
        "model": "janus",
        "rivals": {"lcdm": {}},
        "hashes": {"config": config, "data": data},
    }
    phases = {name: {"seconds": 100.0, "reached": 1.0} for name in ("assess", "export", "plots")}
    profile = {"study": "janus", "units": {}, "phases": phases}
    (beside / "RUN_PROFILE_SUMMARY.json").write_text(json.dumps(profile))
    for changed, is_taken in (
        ({}, True),
        ({"rivals": {}}, False),
        ({"hashes": {"config": "another", "data": data}}, False),
        ({"hashes": {"config": config, "data": "other"}}, False),
    ):
        (beside / "summary.json").write_text(json.dumps(summary | changed))
        told = found(ask(*arguments))
        assert (told["report_s"] == 300.0) == is_taken
        assert ("newest run of these" in told["report_from"]) == is_taken
    assert "measured cost" in measured["report_from"]


def test_a_report_takes_what_its_evaluations_take() -> None:
    """Of a likelihood that takes its time: as many as the assessment makes, at what each takes."""
    asked = compose(["study=janus", *QUICK], CONF).config
    observations = read(asked.likelihood, Path("none"), 42)
    posteriors = posteriors_of(asked.models(), asked.likelihood, asked.prior, observations)
    posterior = posteriors["janus"]
    quick, slow = (assessment_s(posterior, Cost(each_s, 1), 1) for each_s in (0.0, 1.0))
    assert slow - quick == pytest.approx(evaluations(1), rel=0.01)
    theta = posterior.prior.draw(np.random.default_rng(0), 2000)[None]
    draws = Draws(
        posterior.names, theta[:, :, None], posterior.log_likelihood(theta[0])[None, :, None],
        np.zeros((1, 2000, 1)), np.log(np.full((1, 2000, 1), 1 / 2000)), None, "converged", 2000,
    )  # fmt: skip
    posterior.evaluations = 0
    best_fit(draws, posterior)
    flat_parameters(posterior, np.random.default_rng(0))
    assert 0.3 * evaluations(1) < posterior.evaluations <= evaluations(1)
