"""What is wrong is one message on one screen, with its exit code; an earlier run that ended stays
as it is."""

from pathlib import Path

import numpy as np
import pytest
from janus_study_runs import CUSTOM, DATA, SMALL, JanusRuns, digests, drawn, folder_of, module

SAMPLE = "pipeline=janus.sample"
QUICK = ("sampler=quadrature", "sampler.nodes=8")
RESULTS = ("draws/*", "sampling/**/*.f64", "checkpoints-*/*.ckpt")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("janus_runs")]


def refused(runs: JanusRuns, output: Path, code: int, says: list[str], *overrides: str) -> str:
    """One message of at most a screen."""
    ended = runs(output, *overrides)
    assert ended.code == code, ended.said
    assert "Traceback" not in ended.said, ended.said
    _, found, message = ended.said.partition("superior: error: ")
    assert found, ended.said
    assert ended.said.count("superior: error: ") == 1
    for said in says:
        assert said in message, message
    assert len(message.splitlines()) <= 12, message
    return message


@pytest.fixture(scope="module")
def finished(janus_runs: JanusRuns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a custom run that ended, under the name `a`."""
    folder = tmp_path_factory.mktemp("finished")
    ended = janus_runs(folder / "out", SAMPLE, *CUSTOM, *QUICK, module(folder))
    assert ended.code == 0, ended.said
    return folder


FUNCTIONS = {  # what is written as the function -> exit code, and what is said of it
    "a NaN": (["return math.nan"], 1, ["gave nan", "a=", "b="]),
    "nothing": (["pass"], 1, ["None", "a=", "b="]),
    "a vector": (["return theta"], 1, ["(2,)"]),
    "an exception": (
        ["raise ValueError('no such star')"],
        1,
        ["ValueError: no such star", "line 6"],
    ),
}


@pytest.mark.parametrize("case", FUNCTIONS)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_function_that_gives_no_value(
    janus_runs: JanusRuns, finished: Path, tmp_path: Path, case: str, workers: int
) -> None:
    lines, code, says = FUNCTIONS[case]
    before = digests(folder_of(finished / "out"), *RESULTS)
    own = module(tmp_path, *lines)
    overrides = [*CUSTOM, *QUICK, own, f"n_workers={workers}", "run_name=b"]
    refused(janus_runs, finished / "out", code, says, SAMPLE, *overrides)
    assert not janus_runs.left_over()
    assert digests(folder_of(finished / "out"), *RESULTS) == before


def test_modules_that_are_not_there(janus_runs: JanusRuns, finished: Path, tmp_path: Path) -> None:
    """Nothing of the run of this name is touched."""
    before = digests(folder_of(finished / "out"), *RESULTS)
    own = module(tmp_path, name="own_modell.py")
    broken = tmp_path / "broken.py"
    broken.write_text("import math\n\nMASS = 1 / 0\n\n\ndef log_prob(theta):\n    return 0.0\n")
    key = "cosmology.log_prob_module"
    for overrides, says in (
        ([own.replace("modell", "model")], [key, "own_model.py", "did you mean 'own_modell.py'?"]),
        ([own, "cosmology.log_prob_function=log_probb"],
         ["cosmology.log_prob_function=log_probb", "did you mean 'log_prob'?"]),
        ([f"{key}={broken}"], [key, "ZeroDivisionError", "line 3"]),
        ([f"{key}=no.such.module"], [key, "no module 'no'"]),
    ):  # fmt: skip
        refused(janus_runs, finished / "out", 2, says, SAMPLE, *CUSTOM, *QUICK, *overrides)
        assert digests(folder_of(finished / "out"), *RESULTS) == before


CHANGED = {  # another choice -> the field that is named
    "cosmology.prior.a={kind: uniform, low: -6, high: 5}": "posterior.prior.a",
    "prior.parameters.b=0.1": "parameters",
    "seed=7": "seed",
    "sampler.nodes=9": "sampler.nodes",
    "sampler=dynesty": "sampler",
}


@pytest.mark.parametrize(("changed", "named"), CHANGED.items(), ids=CHANGED.values())
def test_a_checkpoint_of_another_run_is_refused(
    janus_runs: JanusRuns, finished: Path, changed: str, named: str
) -> None:
    key = changed.partition("=")[0]
    kept = [item for item in (*CUSTOM, *QUICK) if item.partition("=")[0] != key]
    kept = [item for item in kept if key != "sampler" or not item.startswith("sampler.")]
    output = finished / "out"
    before = digests(folder_of(output), *RESULTS)
    says = ["RESUME_INCOMPATIBLE", named]
    refused(janus_runs, output, 8, says, SAMPLE, *kept, module(finished), changed)
    assert digests(folder_of(output), *RESULTS) == before


def test_another_function_of_the_same_name_is_refused(
    janus_runs: JanusRuns, finished: Path, tmp_path: Path
) -> None:
    output = finished / "out"
    own = module(tmp_path, "return -2.0 * (theta**2).sum()")
    says = ["RESUME_INCOMPATIBLE", "posterior.source"]
    refused(janus_runs, output, 8, says, SAMPLE, *CUSTOM, *QUICK, own)


# of data


def diagram(folder: Path, rows: int = 12) -> tuple[Path, Path]:
    """A Hubble diagram and its covariance, as JLA's binned ones are written."""
    rng = np.random.default_rng(3)
    z = np.linspace(0.05, 1.2, rows)
    mu = 43.17 + 5.0 * np.log10(z * (1.0 + 0.3 * z)) + 0.1 * rng.standard_normal(rows)
    table, covariance = folder / "table.txt", folder / "covariance.txt"
    np.savetxt(table, np.column_stack([z, mu]))
    matrix = 0.01 * np.eye(rows) + 0.001
    np.savetxt(covariance, np.concatenate([[rows], matrix.ravel()]))
    return table, covariance


def binned(folder: Path) -> list[str]:
    return [
        *(SAMPLE, "rivals=none", "likelihood=jla_binned", "run_name=a", *QUICK),
        "likelihood.parts.jla_binned.path=table.txt",
        "likelihood.parts.jla_binned.covariance=covariance.txt",
        f"data_root={folder}",
    ]


def written(file: Path, values: np.ndarray) -> None:
    np.savetxt(file, values)


def test_data_that_nothing_can_be_made_of(janus_runs: JanusRuns, tmp_path: Path) -> None:
    table, covariance = diagram(tmp_path)
    output, good = tmp_path / "out", (table.read_bytes(), covariance.read_bytes())
    assert janus_runs(output, *binned(tmp_path)).code == 0
    before = digests(folder_of(output), *RESULTS)
    rows, matrix = np.loadtxt(table), np.loadtxt(covariance)
    nan, indefinite = rows.copy(), matrix.copy()
    nan[4, 1] = np.nan
    indefinite[2] = indefinite[13] = 1.0  # of rows 1 and 2, whose variances are 0.011
    for file, wrong, says in (
        (table, nan, ["table.txt", "line 5", "column"]),
        (table, rows[:-1], ["covariance.txt", "12", "11"]),
        (covariance, indefinite, ["jla_binned", "positive definite", "eigenvalue"]),
        (covariance, matrix[:-1], ["covariance.txt", "144", "143"]),
    ):
        written(file, wrong)
        refused(janus_runs, output, 3, says, *binned(tmp_path))
        table.write_bytes(good[0])
        covariance.write_bytes(good[1])
        assert digests(folder_of(output), *RESULTS) == before
    changed = rows.copy()
    changed[3, 1] += 0.01
    written(table, changed)
    refused(janus_runs, output, 8, ["RESUME_INCOMPATIBLE", "posterior.files"], *binned(tmp_path))
    table.write_bytes(good[0])
    refused(
        *(janus_runs, output, 8, ["RESUME_INCOMPATIBLE", "posterior.likelihood.offset"]),
        *(*binned(tmp_path), "likelihood.offset=profiled"),
    )
    table.unlink()
    refused(janus_runs, output, 2, ["table.txt", "data_root"], *binned(tmp_path))
    table.write_bytes(good[0])
    covariance.unlink()
    refused(janus_runs, output, 3, ["covariance.txt"], *binned(tmp_path))
    assert digests(folder_of(output), *RESULTS) == before
    covariance.write_bytes(good[1])
    assert janus_runs(output, *binned(tmp_path)).code == 0


def test_jla_without_its_matrices(janus_runs: JanusRuns, tmp_path: Path, shared_data: Path) -> None:
    folder = tmp_path / "supernovae/jla"
    folder.mkdir(parents=True)
    whole = next(shared_data.rglob("jla_lcparams.txt"), None)
    if whole is None:
        pytest.skip(f"jla_lcparams.txt is not below {shared_data}")
    (folder / "jla_lcparams.txt").write_bytes(whole.read_bytes())
    overrides = [SAMPLE, "likelihood=jla_full", "rivals=none", f"data_root={tmp_path}"]
    says = ["jla_v0_covmatrix.dat"]
    refused(janus_runs, tmp_path / "out", 3, says, *overrides)


WRONG = {  # overrides -> exit code, and what is said
    "outside": (["prior.parameters.q0={kind: uniform, low: 1, high: 2}"], 2, ["q0", "-0.4947"]),
    "unknown": (["prior.parameters.Omm={kind: uniform, low: 0, high: 1}"], 2, ["Omm", "q0"]),
    "four": (
        ["cosmology=five_parameters", "likelihood.offset=fixed", *QUICK],
        *(2, ["sampler=quadrature", "sampler=importance"]),
    ),
    "custom rivals": (["cosmology=custom", "likelihood=none", "rivals=[lcdm]",
        "cosmology.log_prob_module=a.py"], 2, ["rivals=none"]),
    "no data": (["likelihood=none"], 2, ["likelihood"]),
    "sampler": (["sampler=emce"], 2, ["emcee"]),
    "walkers": (["sampler=emcee", "sampler.walkers=7"], 2, ["sampler.walkers"]),
    "few walkers": (
        ["cosmology=five_parameters", "likelihood.offset=fixed", "sampler=emcee",
         "sampler.walkers=4"], 2, ["sampler.walkers"]),
    "discard": (["sampler=emcee", "sampler.steps=10", "sampler.discard=10"], 2, ["discard"]),
    "phase": (["budget.phases.sampling=3s"], 2, ["did you mean 'sample'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_choices_that_cannot_be(janus_runs: JanusRuns, tmp_path: Path, case: str) -> None:
    overrides, code, says = WRONG[case]
    base = [] if any(one.startswith("rivals") for one in overrides) else ["rivals=none"]
    base = [*base, "likelihood.parts.simulated.count=40"]
    if any(one.startswith("likelihood=") for one in overrides):
        base = base[:-1]
    refused(janus_runs, tmp_path, code, says, SAMPLE, *base, *overrides)


def test_data_that_are_flat_in_a_model_compare_nothing(
    janus_runs: JanusRuns, tmp_path: Path
) -> None:
    """A curvature that no datum depends on would be counted, never measured."""
    own = tmp_path / "own_distances.py"
    own.write_text("import numpy as np\n\n\ndef distance(z, theta):\n"
                   "    return np.tile(z * (1.0 + 0.3 * z), (len(theta), 1))\n")  # fmt: skip
    overrides = [
        *(SAMPLE, *DATA, "rivals=[lcdm]", "cosmology=distances", f"cosmology.module={own}"),
        "cosmology.prior.hidden={kind: uniform, low: 0, high: 1}",
    ]
    says = ["hidden", "distances", "rivals=none", "prior.parameters.hidden=VALUE"]
    refused(janus_runs, tmp_path / "out", 2, says, *overrides)


def test_a_chain_that_was_cut_is_refused(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """Its checkpoint counts on more than there is."""
    command = [SAMPLE, *DATA, *SMALL["emcee"], "sampler.steps=100"]
    assert janus_runs(tmp_path, *command).code == 0
    draws = drawn(tmp_path)
    chain = folder_of(tmp_path) / "sampling/janus/chain.f64"
    whole = chain.read_bytes()
    chain.write_bytes(whole[: len(whole) // 2])
    refused(janus_runs, tmp_path, 8, ["chain.f64", "counts on"], *command)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    chain.write_bytes(flipped)
    refused(janus_runs, tmp_path, 8, ["chain.f64", "checkpoint"], *command)
    assert drawn(tmp_path) == draws
    chain.write_bytes(whole)
    assert janus_runs(tmp_path, *command).code == 0
    assert drawn(tmp_path) == draws
