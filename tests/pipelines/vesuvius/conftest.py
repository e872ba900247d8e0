"""One process that runs are forked from, and one run that nobody disturbed, for all the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from study_runs import Runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    started = Runs(tmp_path_factory.mktemp("runs") / "log.txt")
    yield started
    started.close()


@pytest.fixture(scope="session")
def undisturbed(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that nobody disturbed."""
    output = tmp_path_factory.mktemp("undisturbed")
    ended = runs(output)
    assert ended.code == 0, ended.said
    return output
