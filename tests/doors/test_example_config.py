"""`kedro example-config` prints what `settings=FILE` takes, through both doors, and runs do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.config.compose import compose
from app.example_config import example_config

PROJECT = Path(__file__).parents[2]
CONF = PROJECT / "conf"
HYDRA = [sys.executable, "-m", "app"]
KEDRO = [str(Path(sys.executable).parent / "kedro")]
OFF = "tracking: 'off'\n"


def ask(*arguments: str) -> str:
    told = CliRunner().invoke(example_config, list(arguments))
    assert told.exit_code == 0, told.output
    return told.output


def run(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    source = os.pathsep.join([str(PROJECT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "DO_NOT_TRACK": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


ASKED = [
    ("ideo",),
    ("vesuvius",),
    ("janus",),
    ("ideo", "profile=fr_wing", "models=[tfidf_nb,spacy_quick]", "balance=oversample"),
    ("vesuvius", "profile=vesuvius_em"),
    ("janus", "sampler=emcee", "likelihood=[jla_full,highz]", "rivals=[wcdm,cpl]", "seed=7"),
    ("janus", "cosmology=five_parameters", "tracking=off", "run_name='1e5'"),
]


@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_printed_composes_to_the_same(
    asked: tuple[str, ...], form: str, tmp_path: Path
) -> None:
    study, *overrides = asked
    file = tmp_path / f"example.{form}"
    file.write_text(ask(*asked, *(["--json"] if form == "json" else [])))
    by_file = compose([f"settings={file}"], CONF)
    by_overrides = compose([f"study={study}", *overrides], CONF)
    assert by_file.config == by_overrides.config
    assert by_file.tree["profile"] == by_overrides.tree["profile"]


def test_every_key_of_the_config_is_there_with_its_comment_and_choices() -> None:
    told = ask("janus")
    assert "convergence.tau_multiple: 50.0 # steps, in autocorrelation times" in told  # a default
    assert "likelihood.method: auto # auto | compressed | dense: how chi2" in told
    assert "Choices: dynesty, emcee, emcee_stretch, importance, nautilus, quadrature" in told
    assert 'tracking.run_name: "${' in told  # interpolations stay
    assert all(len(line) <= 120 for line in told.splitlines())


def test_each_file_of_choices_can_be_asked_for() -> None:
    for sampler in ("dynesty", "emcee", "nautilus", "quadrature"):
        assert f"\nsampler: {sampler}\n" in ask("janus", f"sampler={sampler}")


def test_what_has_no_value_yet_is_commented_out(tmp_path: Path) -> None:
    asked = ("janus", "cosmology=custom", "rivals=none", "likelihood=none")
    told = ask(*asked)
    line = "# cosmology.log_prob_module: ??? # package.module, or the path of a .py file"
    assert line in told
    file = tmp_path / "example.yaml"
    file.write_text(told.replace(line, "cosmology.log_prob_module: mine"))
    by_overrides = compose(["study=janus", *asked[1:], "cosmology.log_prob_module=mine"], CONF)
    assert compose([f"settings={file}"], CONF).config == by_overrides.config
    assert "cosmology.log_prob_module" not in json.loads(ask(*asked, "--json"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("jansu",), "did you mean 'janus'"),
        (("janus", "sampler=emce"), "did you mean 'emcee'"),
        (("janus", "seed=-1"), "seed=-1: should be greater"),
        (("janus", "pipeline=ideo"), "the overrides name the study ideo"),
    ],
)
def test_a_mistake_is_told(asked: tuple[str, ...], said: str) -> None:
    told = CliRunner().invoke(example_config, list(asked))
    assert told.exit_code == 2
    assert said in told.output


def test_a_printed_file_runs_through_the_kedro_door(tmp_path: Path) -> None:
    asked = ("janus", "sampler=quadrature", "rivals=none", "likelihood=simulated", "tracking=off")
    printed = run(*KEDRO, "example-config", *asked, "likelihood.parts.simulated.count=20")
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "my.yaml"
    file.write_text(
        printed.stdout.replace("output_root: data ", f'output_root: "{tmp_path / "an out"}" ')
    )
    ended = run(*KEDRO, "run", "--pipeline=janus", "--params", f"settings={file}")
    assert ended.returncode == 0, ended.stderr
    folder = tmp_path / "an out" / "reports" / "janus" / "janus-simulated"
    assert (folder / "report.html").is_file()


def test_a_classic_file_samples_the_log_probability_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def posterior(theta):\n"
        "    return -0.5 * ((theta[0] - 1.0) ** 2 / 0.04 + (theta[1] + 2.0) ** 2 / 0.25)\n"
    )
    told = {
        "pipeline": "janus", "tracking": "off", "run_name": "old", "output_dir": str(tmp_path),
        "nwalkers": 16, "nsteps": 200, "ndim": 2, "n_workers": 1, "checkpoint_interval": 50,
        "log_prob_module": "mine.py", "log_prob_function": "posterior",
        "prior_center": [0.0, 0.0], "prior_width": [20.0, 20.0],
    }  # fmt: skip
    (tmp_path / "old.json").write_text(json.dumps(told))
    ended = run(*HYDRA, "settings=old.json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    theta = np.load(tmp_path / "reports" / "janus" / "old" / "draws" / "custom.theta.npy")
    ensembles, steps, walkers, _ = theta.shape
    assert (ensembles, steps, walkers) == (4, 200, 16)
    draws = theta[:, 100:].reshape(-1, 2)  # from the prior, which is wide, to the posterior
    assert np.allclose(draws.mean(axis=0), [1.0, -2.0], atol=0.2)
    assert np.allclose(draws.std(axis=0), [0.2, 0.5], rtol=0.3)


def test_a_mistake_in_a_file_is_told_by_both_doors_and_by_a_sweep(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(f"pipeline: janus\n{OFF}sampler: emcee\nsampler.moves: [{{name: dee}}]\n")
    out = f"output_root={tmp_path}"
    for command in (
        [*HYDRA, f"settings={file}", out],
        [*HYDRA, "-m", f"settings={file}", "seed=1,2", out],
        [*KEDRO, "run", "--params", f"settings={file},{out}"],
    ):
        ended = run(*command)
        assert ended.returncode == 2, ended.stderr
        assert "sampler.moves.0.name=dee: not a known value" in ended.stderr
        assert "my.yaml, line 4" in ended.stderr


def test_a_sweep_takes_a_file_and_its_own_axes_win(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(
        f"pipeline: janus\n{OFF}seed: 9\nlikelihood: [simulated]\nsuperior.repeats: 2\n"
    )
    ended = run(
        *HYDRA, "-m", f"settings={file}", "seed=1,2", f"output_root={tmp_path}", "--dry-run"
    )
    assert ended.returncode == 0, ended.stderr
    [plan] = tmp_path.glob("superior/janus-*/plan.tsv")
    header, *rows = plan.read_text().splitlines()
    seeds = [row.split("\t")[header.split("\t").index("seed")] for row in rows]
    assert sorted(seeds) == ["1", "1", "2", "2"]
