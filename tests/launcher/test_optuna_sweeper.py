"""A search with Optuna through our launcher: real commands, killed and resumed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from omegaconf import OmegaConf
from optuna.samplers import GridSampler, TPESampler

from app.errors import ConfigError, MissingExtraError
from app.sweep.ledger import LEDGER, read_state
from hydra_plugins.superior_optuna_sweeper._sampler import make_sampler
from hydra_plugins.superior_optuna_sweeper._space import Space, read_space
from hydra_plugins.superior_optuna_sweeper.sweeper import OptunaSweeper

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HYDRA_FULL_ERROR": "1"}
PROGRAM = """
import contextlib, os, signal
import hydra

KILL_AT = int(os.environ["KILL_AT"])  # the command, when so many runs have started

@hydra.main(version_base="1.3", config_path=None)
def task(config):
    with open(config.started, "a") as started:
        started.write(f"{config.x} {config.kind}\\n")
    if KILL_AT and len(open(config.started).readlines()) >= KILL_AT:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(os.environ["COMMAND"]), signal.SIGKILL)
        signal.pause()
    if config.x > config.fails_above:
        raise ValueError("too big")
    value = float("nan") if config.x < config.nan_below else (config.x - 0.3) ** 2
    return [value, config.x] if config.kind == "two" else value

if __name__ == "__main__":
    os.environ["COMMAND"] = str(os.getpid())
    task()
"""
LOADER = ConfigLoaderImpl(ConfigSearchPathImpl())


class Program:
    """A Hydra program that is searched with `+x=...`, and the files that it leaves."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "program.py"
        self.file.write_text(PROGRAM)
        self.folder = folder

    def search(
        self, name: str, *overrides: str, kill_at: int = 0
    ) -> subprocess.CompletedProcess[str]:
        told = {"fails_above": 9, "nan_below": -9, "kind": "one"}
        given = {override.lstrip("+").partition("=")[0] for override in overrides}
        return subprocess.run(
            [
                *(sys.executable, str(self.file), "-m", "hydra/launcher=superior"),
                *("hydra/sweeper=optuna", f"hydra.sweep.dir={self.folder / name}"),
                f"++started={self.folder / name}.started",
                *(f"++{key}={value}" for key, value in told.items() if key not in given),
                *("hydra.sweeper.direction=minimize", "++superior.parallel=2", *overrides),
            ],
            env={**ENVIRONMENT, "KILL_AT": str(kill_at)},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def results(self, name: str) -> dict[str, Any]:
        text = (self.folder / name / "optimization_results.yaml").read_text()
        told: dict[str, Any] = yaml.safe_load(text)
        return told

    def trials(self, name: str) -> dict[int, tuple[str, str, Any]]:
        """position -> x, kind, value, of the runs that have ended well."""
        runs = read_state(self.folder / name).runs.values()
        return {
            run.position: (run.axes["x"], run.axes["kind"], run.value)
            for run in runs
            if run.status == "ok"
        }

    def started(self, name: str) -> list[str]:
        return Path(f"{self.folder / name}.started").read_text().splitlines()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def space_of(*overrides: str, **params: Any) -> Space:
    return read_space(params, overrides, LOADER)


SEARCH = (
    "+x=interval(0,1)",
    "++kind=a,b,c",
    "hydra.sweeper.n_trials=10",
    "+hydra.sweeper.sampler.n_startup_trials=3",
)


def test_a_killed_search_goes_on_as_if_nothing_had_happened(program: Program) -> None:
    whole = program.search("whole", *SEARCH)
    assert whole.returncode == 0, whole.stderr
    for kill_at in (4, 8):
        killed = program.search("killed", *SEARCH, kill_at=kill_at)
        assert killed.returncode == -9, killed.stderr
    resumed = program.search("killed", *SEARCH)
    assert resumed.returncode == 0, resumed.stderr

    assert len(program.trials("whole")) == 10
    assert program.trials("killed") == program.trials("whole")
    left, right = program.results("killed"), program.results("whole")
    assert left["best_value"] == right["best_value"]
    assert left["best_params"] == right["best_params"]
    done: set[str] = set()
    for line in (program.folder / "killed" / LEDGER).read_text().splitlines():
        event = json.loads(line)
        if event.get("event") == "started":
            assert event["run_id"] not in done
        if event.get("event") == "ended" and event["status"] == "ok":
            done.add(event["run_id"])


def test_a_longer_search_begins_with_the_shorter_and_another_one_is_refused(
    program: Program,
) -> None:
    axes = ("+x=interval(0,1)", "++kind=a,b", "hydra/sweeper/sampler=random")
    assert program.search("s", *axes, "hydra.sweeper.n_trials=3").returncode == 0
    assert program.search("s", *axes, "hydra.sweeper.n_trials=4").returncode == 0
    assert len(program.started("s")) == 4
    other = program.search("s", *axes, "hydra.sweeper.sampler.seed=5")
    assert other.returncode == 1
    assert "exp_id=s holds another search: its run 0 was" in other.stderr
    assert len(program.started("s")) == 4


def test_a_combination_proposed_again_is_not_run_again(program: Program) -> None:
    told = program.search(
        "s",
        *("+x=0.2,0.3", "++kind=a,b", "hydra/sweeper/sampler=random"),
        *("hydra.sweeper.n_trials=12", "hydra.sweeper.n_jobs=6"),
    )
    assert told.returncode == 0, told.stderr
    assert sorted(program.started("s")) == ["0.2 a", "0.2 b", "0.3 a", "0.3 b"]
    assert program.results("s")["n_ended"] == 12
    assert program.results("s")["best_params"]["x"] == 0.3


def test_the_search_goes_on_after_failures_and_says_so_at_its_end(program: Program) -> None:
    search = ("+x=interval(0,1)", "++kind=a,b", "++fails_above=0.8", "++nan_below=0.3")
    first = program.search("s", *search, "hydra.sweeper.n_trials=12")
    assert first.returncode == 1
    assert "trials have no value, and hydra.sweeper.max_failure_rate=0.0 allows 0" in first.stderr
    results, started = program.results("s"), program.started("s")
    assert results["n_ended"] == 12
    assert 0 < results["n_failed"] < 12
    again = program.search(
        "s", *search, "hydra.sweeper.n_trials=12", "hydra.sweeper.max_failure_rate=0.9"
    )
    assert again.returncode == 0, again.stderr
    assert program.results("s") == results
    assert program.started("s") == started  # neither the failures nor those without a number


def test_a_search_stopped_by_max_runs_goes_on(program: Program) -> None:
    search = ("+x=interval(0,1)", "++kind=a,b", "hydra.sweeper.n_trials=5")
    stopped = program.search("s", *search, "++superior.max_runs=3")
    assert stopped.returncode == 0, stopped.stderr
    assert "2 of 5 trials ended, 0 failed; stopped by superior.max_runs" in stopped.stdout
    assert program.search("s", *search).returncode == 0
    assert program.results("s")["n_ended"] == len(program.started("s")) == 5


def test_several_directions_give_the_trials_that_no_other_beats(program: Program) -> None:
    told = program.search(
        "s",
        *("+x=interval(0,1)", "++kind=two", "hydra.sweeper.n_trials=6"),
        "hydra.sweeper.direction=[minimize,maximize]",
    )
    assert told.returncode == 0, told.stderr
    solutions = program.results("s")["solutions"]
    assert solutions
    for one in solutions:
        assert one["values"][1] == one["params"]["x"]
        assert one["runs"][0].startswith("runs/")


def test_a_task_without_a_number_stops_the_search(program: Program) -> None:
    told = program.search("s", "+x=interval(0,1)", "++kind=two")
    assert told.returncode == 1
    assert "and the search needs one number" in told.stderr
    assert len(program.started("s")) == 2


@pytest.mark.slow
def test_the_study_is_searched_for_its_objective(tmp_path: Path) -> None:
    told = subprocess.run(
        [
            *(sys.executable, "-m", "app", "-m", "hydra/sweeper=optuna", "tracking=off"),
            *("hydra.sweeper.n_trials=2", "models=tfidf_logreg", f"output_root={tmp_path}"),
            "models.tfidf_logreg.estimator.C=tag(log,interval(0.01,100))",
            "superior.exp_id=c",
        ],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    folder = tmp_path / "superior" / "c"
    results = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    runs = read_state(folder).runs.values()
    assert results["direction"] == "maximize"
    assert results["seed"] == 42  # that of the config
    assert results["best_value"] == max(run.metrics["tfidf_logreg"]["macro_f1"] for run in runs)


@pytest.mark.parametrize(
    ("override", "distribution"),
    [
        ("x=a,b", "CategoricalDistribution(choices=('a', 'b'))"),
        ("x='a,c',null,1", """CategoricalDistribution(choices=("'a,c'", 'null', '1'))"""),
        ("x=range(1,10)", "IntDistribution(high=9, log=False, low=1, step=1)"),
        ("x=range(9,1,-4)", "IntDistribution(high=9, log=False, low=5, step=4)"),
        ("x=tag(log,range(1,9))", "IntDistribution(high=8, log=True, low=1, step=1)"),
        ("x=range(0,1,0.1)", "FloatDistribution(high=0.9, log=False, low=0.0, step=0.1)"),
        ("x=interval(0.1,1)", "FloatDistribution(high=1.0, log=False, low=0.1, step=None)"),
        ("x=int(interval(1,9))", "IntDistribution(high=9, log=False, low=1, step=1)"),
        ("x=tag(log,interval(0.1,1))", "FloatDistribution(high=1.0, log=True, low=0.1, step=None)"),
    ],
)
def test_an_override_is_a_distribution(override: str, distribution: str) -> None:
    assert str(space_of(override).distributions["x"]) == distribution


def test_overrides_say_the_proposed_values_exactly() -> None:
    space = space_of("++a=interval(0,1)", "b=3", "+c=range(0,1,0.1)", "~d", e="x,'y z'", b="1,2")
    proposed = {"a": 1e-05, "c": 0.1 + 0.2, "e": "'y z'"}
    assert space.overrides(proposed) == ["e='y z'", "++a=1e-05", "b=3", "+c=0.3", "~d"]
    assert space.values(proposed) == {"a": 1e-05, "c": 0.3, "e": "y z"}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("x=1", "nothing to search for"),
        ("x=tag(log,interval(0,1))", "low > 0"),
        ("x=interval(2,1)", "x=interval"),
        ("x=tag(lin,interval(0,1))", "unknown tag lin; known: log"),
        ("x=tag(log,choice(1,2))", "for a range or an interval"),
        ("x=tag(log,range(1,9,2))", "no step"),
        ("x=range(5,5)", "an axis without values"),
        ("x=a,a", "a value is given twice"),
        ("superior.parallel=1,2", "cannot be a key of the sweep itself"),
    ],
)
def test_what_cannot_be_searched_is_refused(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        space_of(override)


def test_a_sampler_gets_the_seed_of_the_config() -> None:
    tpe = OmegaConf.create({"_target_": "optuna.samplers.TPESampler", "seed": None})
    space = space_of("x=1,2")
    sampler, seed = make_sampler(tpe, OmegaConf.create({"seed": 7}), space)
    assert isinstance(sampler, TPESampler)
    assert seed == 7
    assert make_sampler(tpe, OmegaConf.create({}), space)[1] == 0
    grid = OmegaConf.create({"_target_": "optuna.samplers.GridSampler", "seed": None})
    assert isinstance(make_sampler(grid, OmegaConf.create({}), space)[0], GridSampler)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("optuna.samplers.PartialFixedSampler", "takes no seed"),
        ("optuna.samplers.TpeSampler", "did you mean 'TPESampler'"),
        ("nowhere.Sampler", "No module named 'nowhere'"),
        ("random.Random", "takes no seed"),
    ],
)
def test_a_wrong_sampler_is_refused(target: str, said: str) -> None:
    told = OmegaConf.create({"_target_": target, "seed": None})
    with pytest.raises(ConfigError, match=said):
        make_sampler(told, OmegaConf.create({}), space_of("x=1,2"))


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("hydra_plugins.superior_optuna")]:
        if not name.endswith("sweeper"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    before = dict(os.environ)
    with pytest.raises(MissingExtraError, match="the extra `optuna`"):
        OptunaSweeper(OmegaConf.create({}), 1, 1, None, 0.0, None, None).sweep([])
    assert dict(os.environ) == before


def test_hydra_finds_the_sweeper_without_importing_optuna() -> None:
    subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; import hydra_plugins.superior_optuna_sweeper.sweeper; "
            "assert not {'optuna', 'numpy', 'app'} & set(sys.modules)",
        ],
        env=ENVIRONMENT,
        check=True,
    )
