"""The supervisor killed at every event of a sweep's ledger, then the same command again."""

from pathlib import Path

import pytest
from crashed import Crashed, Driver

EVENTS = 27  # of six runs: sweep, 6 x (planned, started, running, ended), supervised, stopped
CHUNKS = 4  # for as many workers


@pytest.fixture(scope="session")
def whole(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """The sweep that nobody interrupted."""
    sweep = Crashed(tmp_path_factory.mktemp("whole"), driver=driver)
    assert sweep.run() == 0, sweep.said()
    sweep.audit()
    assert len(sweep.events()) == EVENTS
    return sweep


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_supervisor_killed_after_each_event_loses_and_repeats_nothing(
    chunk: int, driver: Driver, whole: Crashed, tmp_path: Path
) -> None:
    for number in range(chunk + 1, EVENTS + 1, CHUNKS):
        killed_and_resumed(tmp_path / str(number), ("after", number), driver, whole)


@pytest.mark.parametrize("number", [1, 5, 9, 13, 19, 27])
def test_a_supervisor_killed_while_it_writes_an_event_leaves_a_tail_that_is_cut(
    number: int, driver: Driver, whole: Crashed, tmp_path: Path
) -> None:
    killed_and_resumed(tmp_path, ("torn", number), driver, whole)


def test_a_command_killed_again_and_again_gets_to_the_end(
    driver: Driver, whole: Crashed, tmp_path: Path
) -> None:
    sweep = Crashed(tmp_path, driver=driver)
    for number in (9, 4, 3, 3, 5, 6):  # events of each command, not of the ledger
        assert sweep.run(at=("after", number)) == -9, sweep.said()
    resumed(sweep, whole)


def killed_and_resumed(folder: Path, at: tuple[str, int], driver: Driver, whole: Crashed) -> None:
    sweep = Crashed(folder, driver=driver)
    assert sweep.run(at=at) == -9, sweep.said()
    resumed(sweep, whole)


def resumed(sweep: Crashed, whole: Crashed) -> None:
    sweep.require_nothing_left()
    known, starts = sweep.known_ok(), sweep.starts()
    assert sweep.run() == 0, sweep.said()
    sweep.audit()
    assert sweep.result() == whole.result()
    for run_id in known:
        assert sweep.starts()[run_id] == starts[run_id], f"{run_id} was started again"
