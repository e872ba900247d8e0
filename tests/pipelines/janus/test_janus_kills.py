"""SIGKILL at random points of a run, in the middle of writes too: every file that is there can be
read, and the draws in the end are those of a run that nobody disturbed, to the byte."""

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from janus_study_runs import CUSTOM, DATA, SMALL, JanusRuns, digests, drawn, folder_of, module

from app.durable.checkpoint_file import unpack
from app.durable.journal import verify
from app.durable.status import read_status, state_now
from app.running import status

SAMPLE = ("pipeline=janus.sample", *DATA)
POINTS = ("evaluation", "event", "record", "torn", "flush", "rename")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("janus_runs")]


@pytest.mark.parametrize("sampler", SMALL)
def test_thirty_kills(janus_runs: JanusRuns, tmp_path: Path, sampler: str) -> None:
    campaign(janus_runs, tmp_path, [*SAMPLE, *SMALL[sampler]], kills=30, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("sampler", SMALL)
def test_two_hundred_kills(janus_runs: JanusRuns, tmp_path: Path, sampler: str) -> None:
    more = ["sampler.networks=1"] if sampler == "nautilus" else []
    campaign(janus_runs, tmp_path, [*SAMPLE, *SMALL[sampler], *more], kills=200, seed=100)


@pytest.mark.parametrize("workers", [1, 2])
def test_kills_with_workers_at_work(janus_runs: JanusRuns, tmp_path: Path, workers: int) -> None:
    """From outside, at any time: the chains are those of one process, and no worker is left."""
    random = Random(workers)
    overrides = ["pipeline=janus.sample", *CUSTOM, *SMALL["emcee"], module(tmp_path)]
    overrides += ["sampler.steps=100"]
    assert janus_runs(tmp_path / "one", *overrides).code == 0
    struck = 0
    for _ in range(8):
        after = {"seconds": random.uniform(0.0, 0.2), "signal": 9}
        ended = janus_runs(tmp_path / "out", *overrides, f"n_workers={workers}", after=after)
        assert ended.code in (-9, 0), ended.said
        struck += ended.code == -9
        require_none_left(janus_runs)
    assert struck
    ended = janus_runs(tmp_path / "out", *overrides, f"n_workers={workers}")
    assert ended.code == 0, ended.said
    require_none_left(janus_runs)
    assert drawn(tmp_path / "out") == drawn(tmp_path / "one")


def require_none_left(runs: JanusRuns) -> None:
    """The system ends workers with their parent, in its own time."""
    for _ in range(200):
        if not (left := runs.left_over()):
            return
        time.sleep(0.02)
    raise AssertionError(left)


def test_kills_until_the_chains_are_exported(janus_runs: JanusRuns, tmp_path: Path) -> None:
    campaign(
        janus_runs,
        tmp_path,
        ["pipeline=janus", *DATA, *SMALL["importance"], "sampler.max_batches=10"],
        kills=10,
        seed=3,
        final=exported,
        to_nodes=["export_chains"],
    )


@pytest.mark.soak
@pytest.mark.parametrize("sampler", SMALL)
def test_kills_of_whole_runs(janus_runs: JanusRuns, tmp_path: Path, sampler: str) -> None:
    overrides = ["pipeline=janus", *DATA, *SMALL[sampler]]
    campaign(janus_runs, tmp_path, overrides, kills=30, seed=4, final=told)


def exported(output: Path) -> dict[str, str]:
    return drawn(output) | digests(folder_of(output), "chains/*.h5", "chains/*.nc")


def told(output: Path) -> dict[str, str]:
    """All but the likelihood's speed is the same."""
    summary = (folder_of(output) / "summary.json").read_text()
    return exported(output) | {"summary": re.sub('"microseconds": .*', "", summary)}


def campaign(
    runs: JanusRuns,
    output: Path,
    overrides: list[str],
    kills: int,
    seed: int,
    final: Callable[[Path], dict[str, str]] = drawn,
    **selected: object,
) -> None:
    """Runs that are killed several times each, and then to the end, all of one command."""
    undisturbed = runs(output, *overrides, **selected)
    assert undisturbed.code == 0, undisturbed.said
    wanted, counts, random = final(output), undisturbed.counts, Random(seed)
    points = [point for point in POINTS if counts.get(point)]
    struck = 0
    while struck < kills:
        shutil.rmtree(output / "reports")
        chain = random.randint(2, 8)
        for _ in range(chain):
            point = random.choice(points)
            number = random.randint(1, max(2 * counts[point] // chain, 1))
            strike = {"point": point, "number": number, "signal": 9}
            ended = runs(output, *overrides, strike=strike, **selected)
            assert ended.code in (-9, 0), f"{strike}: {ended.said}"
            if ended.code == 0:  # it ended before that point
                break
            struck += 1
            require_readable(folder_of(output), f"after {strike}")
        else:
            ended = runs(output, *overrides, **selected)
            assert ended.code == 0, ended.said
        assert final(output) == wanted
        left = {path.name for path in output.rglob("*.partial")}
        assert not {name for name in left if not name.startswith(".status.json.")}, left


def require_readable(folder: Path, when: str) -> None:
    """What a killed run leaves."""
    if (folder / "status.json").exists():  # it began to say how it is
        assert state_now(read_status(folder / "status.json")) == "killed", when
        assert (folder / "a_status.json").resolve() == (folder / "status.json").resolve()
        table = CliRunner().invoke(status, [str(folder)]).output
        assert "  killed  " in table, f"{when}: {table}"
    if (folder / "journal.jsonl").exists():
        problems = verify(folder / "journal.jsonl")
        assert not problems, f"{when}: {problems}"
    for file in filter(Path.exists, folder.rglob("*.json")):  # no link to a status still to come
        json.loads(file.read_text())
    for file in folder.rglob("*.ckpt"):
        unpack(file.read_bytes())
    if (folder / "draws").exists():
        assert (folder / "draws/about.json").exists(), when
