"""Hydra's own suites for launchers, against ours."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)
from hydra.version import VersionBase
from omegaconf import OmegaConf

from app.sweep.application import Application
from app.sweep.job import VALUE
from app.sweep.ledger import RunState, read_state
from app.sweep.plan import Configs
from hydra_plugins.superior_launcher._returns import Returns
from hydra_plugins.superior_launcher.launcher import SuperiorLauncher


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    """Hydra keeps the version it is to behave like; the suites are written for none being set."""
    before = Singleton.get_state()
    Singleton._instances.pop(VersionBase, None)
    yield
    Singleton.set_state(before)


def test_hydra_finds_the_launcher() -> None:
    found = [plugin.__name__ for plugin in Plugins.instance().discover(Launcher)]
    assert SuperiorLauncher.__name__ in found


@pytest.mark.parametrize(("launcher_name", "overrides"), [("superior", [])])
class TestLauncher(LauncherTestSuite):
    pass


@pytest.mark.parametrize(
    ("launcher_name", "overrides"), [("superior", ["hydra.sweeper.max_batch_size=2"])]
)
class TestBatches(BatchedSweeperTestSuite):
    pass


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"), [({}, ["-m", "hydra/launcher=superior"])]
)
class TestIntegration(IntegrationTestSuite):
    pass


PROGRAM = """
import hydra

@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config):
    return config.x + config.y

main()
"""


def test_a_finished_sweep_is_not_composed_again_until_its_files_change(tmp_path: Path) -> None:
    program, config = tmp_path / "program.py", tmp_path / "config.yaml"
    program.write_text(PROGRAM)
    config.write_text("x: 0\ny: 1\n")
    command = [
        sys.executable, str(program), "-m", "hydra/launcher=superior", "hydra/sweeper=superior",
        f"hydra.sweep.dir={tmp_path / 'sweep'}", "x=1,2",
    ]  # fmt: skip

    def fingerprint() -> str:
        subprocess.run(command, check=True, capture_output=True)
        return str(read_state(tmp_path / "sweep").supervisor["fingerprint"])

    first = fingerprint()
    assert first not in ("", "None")
    assert fingerprint() == first
    config.write_text("x: 0\ny: 1 # the same\n")
    assert fingerprint() != first
    assert {run.attempt for run in read_state(tmp_path / "sweep").runs.values()} == {1}
    config.write_text("x: 0\ny: 2\n")
    changed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert changed.returncode != 0
    assert "holds another experiment" in changed.stderr


def test_a_pickle_of_an_earlier_command_is_not_read(tmp_path: Path) -> None:
    """Between the commands, anybody may have written it."""
    run = RunState("a_r0", 0, "a", 0, None, [], {}, "run", "light", [], status="ok", ended_ns=5)
    run.folder = "runs/a_r0"
    kept = tmp_path / run.folder / VALUE
    kept.parent.mkdir(parents=True)
    kept.write_bytes(pickle.dumps({1, 2}))
    configs = Configs(lambda _: OmegaConf.create(), Application())
    later = Returns(tmp_path, "macro_f1", "task", configs, since_ns=6)
    assert later.of([], [run]).return_value is None
    assert kept.exists()
    now = Returns(tmp_path, "macro_f1", "task", configs, since_ns=4)
    assert now.of([], [run]).return_value == {1, 2}
    assert not kept.exists()
