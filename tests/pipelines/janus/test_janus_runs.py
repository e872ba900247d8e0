"""Whole runs: what they say when they end before they should, when they are run again, and through
either door."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from janus_study_runs import (
    CUSTOM,
    DATA,
    ONE_THREAD,
    ROOT,
    SMALL,
    JanusRuns,
    drawn,
    events,
    folder_of,
    module,
    read_json,
)

from app.durable.status import read_status

SAMPLE = "pipeline=janus.sample"
REPORT = ("pipeline=janus", *DATA)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("janus_runs")]


def numbers(output: Path, run_name: str = "a") -> str:
    """summary.json but for the likelihood's speed."""
    text = (folder_of(output, run_name) / "summary.json").read_text()
    return re.sub('"microseconds": .*', "", text)


def evaluations(output: Path) -> dict[str, Any]:
    told = read_json(folder_of(output) / "draws/about.json")["about"]["models"]
    return {name: (one["evaluations"], one["ended"]) for name, one in told.items()}


def test_a_run_that_did_not_converge_says_so(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """And the same command again evaluates nothing and says the same."""
    short = ["sampler.steps=40", "convergence.adaptive=true"]
    short = [*SMALL["emcee"][:3], *short]
    first = janus_runs(tmp_path, *REPORT, *short)
    assert first.code == 0, first.said
    summary = read_json(folder_of(tmp_path) / "summary.json")
    assert summary["converged"] is False
    assert summary["ended"] == "steps"
    assert any("autocorrelation" in said for said in summary["unmet"])
    page = (folder_of(tmp_path) / "report.html").read_text()
    assert re.search(r'class="[^"]*\balarm\b', page)
    assert "not converged" in re.sub(r"\s+", " ", page).lower()
    assert read_status(folder_of(tmp_path) / "status.json").state == "finished"
    before, draws = numbers(tmp_path), drawn(tmp_path)
    again = janus_runs(tmp_path, *REPORT, *short, to_nodes=["sample_models"])
    assert again.code == 0, again.said
    assert again.counts.get("rows", 0) == 0
    again = janus_runs(tmp_path, *REPORT, *short, to_nodes=["summarise_posterior"])
    assert again.code == 0, again.said
    assert drawn(tmp_path) == draws
    assert numbers(tmp_path) == before


@pytest.mark.parametrize("sampler", SMALL)
def test_a_run_that_ended_is_not_sampled_again(
    janus_runs: JanusRuns, tmp_path: Path, sampler: str
) -> None:
    command = [SAMPLE, *DATA, *SMALL[sampler]]
    first = janus_runs(tmp_path, *command)
    assert first.code == 0, first.said
    assert first.counts["rows"] > 0
    draws = drawn(tmp_path)
    again = janus_runs(tmp_path, *command)
    assert again.code == 0, again.said
    assert again.counts.get("rows", 0) == 0
    assert drawn(tmp_path) == draws


def slow(folder: Path, seconds: float) -> str:
    """A function that takes so long; how long is no part of its source, as a machine's load is
    none."""
    (folder / "seconds").write_text(str(seconds))
    return module(
        folder,
        f"time.sleep(float(open({str(folder / 'seconds')!r}).read()))",
        "return -0.5 * ((theta[0] - 1.0) ** 2 + (theta[1] + 0.5 * theta[0]) ** 2)",
    )


def test_a_budget_that_is_over_leaves_a_report(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """Of what there is; the same command goes on, and ends as if there had been no budget."""
    command = [*CUSTOM, *SMALL["emcee"], "sampler.steps=100", "resources.beyond=true"]
    command += [slow(tmp_path, 0.02), "budget.total=18s"]  # of which a report is kept 14
    ended = janus_runs(tmp_path, "pipeline=janus", *command)
    assert ended.code == 0, ended.said
    folder = folder_of(tmp_path)
    summary = read_json(folder / "summary.json")
    assert (summary["converged"], summary["ended"]) == (False, "deadline")
    assert (folder / "report.html").exists()
    assert read_status(folder / "status.json").state == "deadline"
    assert events(tmp_path, "EXEC_COMPLETE")[-1]["cause"] == "deadline"
    steps = events(tmp_path, "CHECKPOINT_WRITTEN")[-1]["cursor"]["step"]
    assert 0 < steps < 100
    command[-2:] = [slow(tmp_path, 0.0), "budget.total=1h"]
    again = janus_runs(tmp_path, SAMPLE, *command)
    assert again.code == 0, again.said
    assert again.counts["rows"] <= (100 - steps) * 16
    assert janus_runs(tmp_path / "other", SAMPLE, *command).code == 0
    assert drawn(tmp_path) == drawn(tmp_path / "other")


def test_a_budget_without_time_for_a_draw_is_said(janus_runs: JanusRuns, tmp_path: Path) -> None:
    command = [SAMPLE, *CUSTOM, *SMALL["emcee"], slow(tmp_path, 0.3), "resources.beyond=true"]
    ended = janus_runs(tmp_path, *command, "budget.phases.sample=0.5s")
    assert ended.code == 1, ended.said
    assert "the time was over before the first step" in ended.said
    assert "Traceback" not in ended.said


def test_what_was_asked_for_is_what_there_is(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """Three hundred steps that are interrupted are three hundred in the end; fewer, asked for
    afterwards, are another run: it is moved aside where the command says so."""
    command = [SAMPLE, *DATA, *SMALL["emcee"]]
    strike = {"point": "record", "number": 170, "signal": 15}
    assert janus_runs(tmp_path, *command, strike=strike).code == 143
    assert janus_runs(tmp_path, *command).code == 0
    import numpy as np

    theta = np.load(folder_of(tmp_path) / "draws/janus.theta.npy", mmap_mode="r")
    assert theta.shape == (2, 300, 8, 1)
    draws = drawn(tmp_path)
    fewer = janus_runs(tmp_path, *command, "sampler.steps=200")
    assert fewer.code == 8, fewer.said
    assert "sampler.steps=200: janus has 300 already" in fewer.said
    assert "Traceback" not in fewer.said
    assert drawn(tmp_path) == draws
    anew = janus_runs(tmp_path, *command, "sampler.steps=200", "checkpoint.resume=false")
    assert anew.code == 0, anew.said
    theta = np.load(folder_of(tmp_path) / "draws/janus.theta.npy", mmap_mode="r")
    assert theta.shape == (2, 200, 8, 1)
    (kept,) = [path for path in folder_of(tmp_path).parent.iterdir() if path.name != "a"]
    assert drawn(tmp_path, kept.name) == draws


MORE = {
    "emcee": "sampler.steps=500",
    "importance": "sampler.max_batches=45",
    "nautilus": "sampler.n_eff=900",
    "dynesty": "sampler.dlogz=0.05",
    "quadrature": "convergence.ln_z_sd=1e-12",
}


@pytest.mark.parametrize("sampler", MORE)
def test_a_run_that_ended_goes_on_when_more_is_asked_for(
    janus_runs: JanusRuns, tmp_path: Path, sampler: str
) -> None:
    """To the draws of a run that was asked for all of it at once, but for what is done."""
    command = [SAMPLE, *DATA, *SMALL[sampler]]
    assert janus_runs(tmp_path / "a", *command).code == 0
    ((first, _),) = evaluations(tmp_path / "a").values()
    more = janus_runs(tmp_path / "a", *command, MORE[sampler])
    assert more.code == 0, more.said
    at_once = janus_runs(tmp_path / "b", *command, MORE[sampler])
    assert at_once.code == 0, at_once.said
    assert drawn(tmp_path / "a") == drawn(tmp_path / "b")
    ((whole, _),) = evaluations(tmp_path / "b").values()
    assert whole > first
    assert more.counts["rows"] <= at_once.counts["rows"] - 0.5 * first


def typed(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_both_doors_draw_the_same(janus_runs: JanusRuns, tmp_path: Path) -> None:
    command = [*DATA, *SMALL["importance"]]
    here, there = tmp_path / "here", tmp_path / "there"
    first = typed("app", SAMPLE, "tracking=off", f"output_root={here}", *command)
    params = ",".join(["tracking=off", f"output_root={there}", *command])
    other = typed("kedro", "run", "--pipeline=janus.sample", f"--params=study=janus,{params}")
    assert first.returncode == 0, first.stderr
    assert other.returncode == 0, other.stdout + other.stderr
    assert janus_runs(tmp_path / "forked", SAMPLE, *command).code == 0
    assert drawn(here) == drawn(there) == drawn(tmp_path / "forked")


def test_a_sweep_of_whole_runs(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """Each has its own folder; the draws are those of the runs alone."""
    command = ["rivals=none", "likelihood.parts.simulated.count=40", *SMALL["quadrature"][1:]]
    swept = typed(
        *("app", "-m", SAMPLE, "tracking=off", f"output_root={tmp_path}", *command),
        *("cosmology=janus,lcdm", "superior.exp_id=models"),
    )
    assert swept.returncode == 0, swept.stdout + swept.stderr
    found = {path.parent.parent.name: path for path in tmp_path.rglob("draws/about.json")}
    assert set(found) == {"janus-simulated", "lcdm-simulated"}
    for model in ("janus", "lcdm"):
        alone = tmp_path / "alone"
        assert janus_runs(alone, SAMPLE, *command, f"cosmology={model}").code == 0
        name = f"{model}-simulated"
        root = found[name].parents[4]
        assert drawn(root, name) == drawn(alone, name)
