"""Hydra's own suites for launchers, against ours."""

from collections.abc import Iterator

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
