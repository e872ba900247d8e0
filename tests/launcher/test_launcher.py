"""What the launcher says when closing fails too."""

import logging

import pytest

from app.errors import ConfigError, SweepError
from hydra_plugins.superior_launcher.launcher import SuperiorLauncher


class Broken:
    """A sweep whose launch and whose report fail."""

    def launch(self, *_: object) -> None:
        raise ConfigError("the plan is wrong")

    def close(self) -> None:
        raise SweepError("no report")


def test_a_failed_report_does_not_hide_why_the_sweep_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    launcher = SuperiorLauncher("app.sweep.application:Application")
    launcher._sweep = Broken()  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING), pytest.raises(ConfigError, match="the plan is wrong"):
        launcher.launch([["x=1"]], 0)
    assert "no report" in caplog.text
