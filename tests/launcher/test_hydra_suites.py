"""Hydra's own suites for launchers, against ours."""

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)

from hydra_plugins.superior_launcher.launcher import SuperiorLauncher


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
