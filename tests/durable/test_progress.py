"""Progress tells the fraction that is done and the time that is left."""

import logging
import math

import pytest

from app.durable import progress as module
from app.durable.progress import progress


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(float(second) for second in range(0, 1000, 4))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: False, raising=False)
    with caplog.at_level(logging.INFO), progress("epochs", total=10) as shown:
        for _ in range(10):
            shown.advance(1, note="dev 0.5")
    lines = [record.getMessage() for record in caplog.records]
    assert 1 <= len(lines) < 10
    assert lines[0].startswith("epochs: ")
    assert "dev 0.5" in lines[0]


def test_the_time_left_follows_the_mean_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    shown = module.Progress("bytes", total=100)
    assert math.isnan(shown.eta_s())
    now[0] = 5.0
    shown.advance(25)
    assert shown.eta_s() == pytest.approx(15.0)
    shown.advance(75)
    assert shown.eta_s() == 0.0
