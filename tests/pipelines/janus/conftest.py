"""One process that runs of the study are forked from, for all the tests."""

from collections.abc import Iterator

import pytest
from janus_study_runs import JanusRuns


@pytest.fixture(scope="session")
def janus_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JanusRuns]:
    started = JanusRuns(tmp_path_factory.mktemp("janus_runs") / "log.txt")
    yield started
    started.close()
