"""The two doors as a user meets them: separate processes, their output and exit codes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
HYDRA = [sys.executable, "-m", "app"]
KEDRO = [str(BIN / "kedro"), "run"]
SMALL = ["models=[check,tfidf_svm_quick]", "tracking=off"]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, "DO_NOT_TRACK": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def through(door: str, overrides: list[str]) -> subprocess.CompletedProcess[str]:
    if door == "hydra":
        return run(*HYDRA, *overrides)
    return run(*KEDRO, "--params", ",".join(overrides))


@pytest.mark.parametrize("door", ["hydra", "kedro"])
@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["balance=oversampel"], "did you mean 'oversample'"),
        (["balanc.strategy=none"], "did you mean 'balance'"),
        (["balance=cap_docs", "balance.cap_per_labl=3"], "did you mean 'cap_per_label'"),
        (["balance=oversample", "balance.preset=partiy"], "half, parity"),
        (["split.train_prop=1.5"], "less than 1"),
        (["split.train_prop=0"], "greater than 0"),
        (["dataset.merge_mode=mergd"], "did you mean 'merged'"),
        (["hardware=smal"], "did you mean 'small'"),
        (["models=[tfidf_svm_quik]"], "did you mean 'tfidf_svm_quick'"),
        (["profile=ideo_quik"], "did you mean 'ideo_quick'"),
        (["pipeline=ideoo"], "did you mean 'ideo'"),
        (["corpora.web1.path=nowhere.xml"], "nothing at nowhere.xml"),
        (["view.actors_file=nowhere.yml"], "no file nowhere.yml"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_mistake_stops_before_any_work(
    door: str, overrides: list[str], said: str, tmp_path: Path
) -> None:
    ended = through(door, [*overrides, f"output_root={tmp_path / 'out'}"])
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) <= 6
    assert not (tmp_path / "out").exists()


def test_both_doors_give_the_same_bytes(tmp_path: Path) -> None:
    """Every data file of the two runs is equal, and `balance=oversample` chose the group."""
    choices = [*SMALL, "balance=oversample", "split.train_prop=0.7"]
    digests = []
    for door in ("hydra", "kedro"):
        root = tmp_path / door
        ended = through(door, [*choices, f"output_root={root}"])
        assert ended.returncode == 0, ended.stderr
        digests.append(_digests(root))
    assert digests[0] == digests[1]
    assert any(name.endswith("train.tsv") for name in digests[0])
    train = next((tmp_path / "kedro").rglob("train.tsv")).read_text(encoding="utf-8")
    assert "#dup1" in train  # documents were oversampled: the group was chosen


def _digests(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def test_a_wrong_value_in_a_sweep_stops_it_before_its_first_run(tmp_path: Path) -> None:
    ended = run(*HYDRA, "-m", "split.train_prop=0.5,1.5", f"output_root={tmp_path / 'out'}")
    assert ended.returncode == 2
    assert "train_prop" in ended.stderr
    assert "1.5" in ended.stderr
    assert not list(tmp_path.rglob("ledger.jsonl"))


def test_stages_one_by_one_equal_the_whole(tmp_path: Path) -> None:
    whole, staged = tmp_path / "whole", tmp_path / "staged"
    assert run(*HYDRA, *SMALL, f"output_root={whole}").returncode == 0
    for stage in ("prepare", "ideo.train", "evaluate", "report"):
        ended = run(*HYDRA, f"pipeline={stage}", *SMALL, f"output_root={staged}")
        assert ended.returncode == 0, ended.stderr
    assert _digests(whole) == _digests(staged)


def test_a_stage_refuses_files_of_another_config(tmp_path: Path) -> None:
    out = f"output_root={tmp_path}"
    assert run(*HYDRA, "pipeline=prepare", *SMALL, out).returncode == 0
    ended = run(*HYDRA, "pipeline=train", "balance=oversample", *SMALL, out)
    assert ended.returncode == 3
    assert "balance" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.rglob("model_card.json"))


def test_a_stage_without_its_inputs_says_what_to_run(tmp_path: Path) -> None:
    ended = run(*HYDRA, "pipeline=train", *SMALL, f"output_root={tmp_path}")
    assert ended.returncode == 3, ended.stderr
    assert "prepare" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_runs_of_one_dataset_take_turns(tmp_path: Path) -> None:
    """Started together on the same files, both end well and the files belong to one of them."""
    commands = [
        [*HYDRA, f"balance={balance}", *SMALL, f"output_root={tmp_path}"]
        for balance in ("none", "oversample")
    ]
    started = [
        subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    said = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert any("waiting: process" in text for text in said)
    again = run(*HYDRA, "pipeline=evaluate", *SMALL, f"output_root={tmp_path}")
    other = run(
        *HYDRA, "pipeline=evaluate", "balance=oversample", *SMALL, f"output_root={tmp_path}"
    )
    assert sorted([again.returncode, other.returncode]) == [0, 3]


def test_help_is_for_a_newcomer() -> None:
    ended = run(*HYDRA, "--help")
    assert ended.returncode == 0
    for part in ("python -m app profile=", "balance:", "oversample", "models:"):
        assert part in ended.stdout


def test_cfg_shows_the_config_and_runs_nothing(tmp_path: Path) -> None:
    ended = run(*HYDRA, "--cfg", "job", "balance=oversample", f"output_root={tmp_path / 'out'}")
    assert ended.returncode == 0
    assert "strategy: oversample" in ended.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "code",
    [
        "import app",
        "import app.config.compose",
        "import sys; sys.argv[1:] = ['--help']; import app.__main__ as door\n"
        "try: door.main()\nexcept SystemExit: pass",
        "import app.pipeline_registry as registry; registry.register_pipelines()",
    ],
    ids=["app", "config", "help", "pipelines"],
)
def test_nothing_heavy_is_imported_for_nothing(code: str) -> None:
    heavy = ["spacy", "torch", "scipy", "mlflow", "sklearn", "transformers", "matplotlib"]
    check = f"\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    ended = run(sys.executable, "-c", code + check)
    assert ended.stdout.splitlines()[-1] == "[]", ended.stdout + ended.stderr


def test_the_kedro_door_selects_by_nodes_and_tags(tmp_path: Path) -> None:
    params = ",".join([*SMALL, f"output_root={tmp_path}"])
    assert run(*KEDRO, "--pipeline", "prepare", "--params", params).returncode == 0
    ended = run(*KEDRO, "--tags", "train", "--params", params)
    assert ended.returncode == 0, ended.stderr
    ended = run(*KEDRO, "--pipelines", "evaluate,report", "--params", params)
    assert ended.returncode == 0, ended.stderr
    assert list(tmp_path.rglob("report.html"))


def test_kedro_takes_its_arguments_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yml"
    file.write_text(
        f"run:\n  pipeline: prepare\n  params: {{tracking: 'off', output_root: {tmp_path}}}\n"
    )
    ended = run(*KEDRO, "--config", str(file))
    assert ended.returncode == 0, ended.stderr
    assert list(tmp_path.rglob("train.tsv"))
    assert not list(tmp_path.rglob("model_card.json"))


def test_kedro_lists_pipelines_and_catalog() -> None:
    listed = run(str(BIN / "kedro"), "registry", "list")
    for name in ("ideo", "prepare", "ideo.train", "__default__"):
        assert f"- {name}\n" in listed.stdout, listed.stdout
    catalog = run(str(BIN / "kedro"), "catalog", "describe-datasets", "--pipeline", "prepare")
    assert "documents" in catalog.stdout, catalog.stdout + catalog.stderr


def test_make_variables_are_text(tmp_path: Path) -> None:
    """`$(...)`, `;` and quotes in a value are not run by make or a shell."""
    from app.make import overrides

    trap = tmp_path / "trap"
    hostile = f"seed=1;touch {trap} $(shell touch {trap}) `touch {trap}`"
    assert overrides({"STAGE": "train", "OVERRIDES": "seed=1 view.name='a b'"}) == [
        "pipeline=train",
        "seed=1",
        "view.name=a b",
    ]
    script = "import os; print('OVERRIDES is', os.environ['OVERRIDES'])"
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    lines = makefile.split(".PHONY", 1)[0]
    probe = tmp_path / "Makefile"
    probe.write_text(f'{lines}\nprobe:\n\t@{sys.executable} -c "{script}"\n', encoding="utf-8")
    ended = run("make", "--no-print-directory", "-f", str(probe), "probe", f"OVERRIDES={hostile}")
    assert ended.stdout == f"OVERRIDES is {hostile}\n", ended.stderr
    assert not trap.exists()
