"""kill -9 and SIGTERM at random steps of a training: what is handed in is that of a run nobody
disturbed, to the byte."""

from pathlib import Path
from random import Random

import pytest
from study_runs import Runs, handed_in

STEPS = 160 + 6  # 2 epochs of 2 batches of 40 iterations, and the student's updates

pytestmark = pytest.mark.xdist_group("vesuvius_runs")


def campaign(
    runs: Runs, output: Path, undisturbed: Path, kills: int, number: int, seed: int
) -> None:
    """Runs that are killed at random steps, one after the other, then one to the end."""
    random, wanted = Random(seed), handed_in(undisturbed)
    struck = number_of_run = 0
    while struck < kills:
        chain, name = random.randint(3, 8), f"demo{number_of_run}"
        for _ in range(chain):
            step = random.randint(1, 2 * STEPS // (chain + 1))
            ended = runs(output, f"run_name={name}", kill_at=step, signal=number)
            assert ended.code in (-9, 143, 0), ended.said
            struck += ended.code != 0
            if ended.code == 0:  # it ended before that step
                break
        else:
            ended = runs(output, f"run_name={name}")
            assert ended.code == 0, ended.said
        assert handed_in(output, name) == wanted
        number_of_run += 1


@pytest.mark.slow
def test_thirty_kills(runs: Runs, tmp_path: Path, undisturbed: Path) -> None:
    campaign(runs, tmp_path, undisturbed, kills=30, number=9, seed=1)


@pytest.mark.slow
def test_ten_orderly_stops(runs: Runs, tmp_path: Path, undisturbed: Path) -> None:
    campaign(runs, tmp_path, undisturbed, kills=10, number=15, seed=2)


@pytest.mark.soak
def test_five_hundred_kills(runs: Runs, tmp_path: Path, undisturbed: Path) -> None:
    for seed in range(10):
        campaign(runs, tmp_path / str(seed), undisturbed, kills=50, number=9, seed=100 + seed)
