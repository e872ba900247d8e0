"""What the crash tests share: a process that sweeps are forked from, and an end to all of them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from crashed import Driver, started_with


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture(autouse=True)
def _nothing_outlives_its_test(tmp_path: Path) -> Iterator[None]:
    """A test that failed may have left its sweep at work."""
    yield
    for process in started_with(f"TRACE={tmp_path}/"):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
