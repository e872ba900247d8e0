"""SIGTERM and SIGINT: a run ends in order, at once, with all it has done so far in a checkpoint;
and its status, which other programs read while it runs."""

import time
from pathlib import Path
from random import Random

import pytest
from janus_study_runs import CUSTOM, DATA, SMALL, JanusRuns, drawn, events, folder_of, module

from app.durable.journal import verify
from app.durable.status import Status, read_status, state_now

SAMPLE = ("pipeline=janus.sample", *DATA)
CODES = {15: 143, 2: 130}
POINTS = ("evaluation", "event", "record", "torn", "flush", "rename")
BATCH = {  # evaluations that are made together: those of one step, batch, queue, or block
    "emcee": 16,
    "importance": 64,
    "nautilus": 100,
    "dynesty": 30,
    "quadrature": 2048,
}
SOON_S = 10.0  # nothing is timed here: it only ends a test of a run that does not end

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("janus_runs")]


@pytest.mark.parametrize("sampler", SMALL)
def test_what_was_done_is_kept(janus_runs: JanusRuns, tmp_path: Path, sampler: str) -> None:
    """Signals that strike anywhere, in the middle of writes too. The next process repeats one
    batch at most; the draws are those of a run that nobody disturbed."""
    stop_and_go_on(janus_runs, tmp_path, sampler, stops=6, seed=5)


@pytest.mark.soak
@pytest.mark.parametrize("sampler", SMALL)
def test_hundreds_of_signals(janus_runs: JanusRuns, tmp_path: Path, sampler: str) -> None:
    stop_and_go_on(janus_runs, tmp_path, sampler, stops=100, seed=6)


def stop_and_go_on(runs: JanusRuns, output: Path, sampler: str, stops: int, seed: int) -> None:
    random = Random(seed)
    # so seldom that what is found on disk was written at the signal
    overrides = [*SAMPLE, *SMALL[sampler], "checkpoint.every=100000"]
    undisturbed = runs(output / "undisturbed", *overrides)
    rows, number = undisturbed.counts["rows"], 0
    points = [point for point in POINTS if undisturbed.counts.get(point)]
    while stops:
        number += 1
        name, done, stopped = f"run{number}", 0, 0
        for _ in range(3):
            signal, point = random.choice([15, 2]), random.choice(points)
            at = random.randint(1, max(2 * undisturbed.counts[point] // 3, 1))
            strike = {"point": point, "number": at, "signal": signal}
            ended = runs(output, *overrides, f"run_name={name}", strike=strike)
            done += ended.counts.get("rows", 0)
            if ended.code == 0:  # it ended before that point
                break
            assert ended.code == CODES[signal], f"{strike}: {ended.said}"
            assert "stopped; what was finished is kept" in ended.said
            assert "Traceback" not in ended.said, f"{strike}: {ended.said}"
            stopped += 1
            if (folder_of(output, name) / "status.json").exists():
                state = state_now(read_status(folder_of(output, name) / "status.json"))
                # one that strikes as the end is being told leaves it untold
                is_told = point in ("evaluation", "event", "record")
                assert state in ({"stopped"} if is_told else {"stopped", "killed"}), strike
                assert not verify(folder_of(output, name) / "journal.jsonl")
        else:
            ended = runs(output, *overrides, f"run_name={name}")
            done += ended.counts.get("rows", 0)
        assert ended.code == 0, ended.said
        assert rows <= done <= rows + stopped * BATCH[sampler]
        assert drawn(output, name) == drawn(output / "undisturbed")
        stops -= min(stopped, stops)


@pytest.mark.parametrize("signal", CODES)
def test_a_run_ends_soon_after_its_signal(
    janus_runs: JanusRuns, tmp_path: Path, signal: int
) -> None:
    """Of each sampler, from outside; with workers too, of which none is left."""
    random = Random(signal)
    long = {
        "emcee": ["sampler.steps=100000"],
        "importance": ["sampler.max_batches=100000"],
        "nautilus": ["sampler.n_eff=1000000", "sampler.networks=1"],
        "dynesty": ["sampler.live_points=2000", "sampler.dlogz=0.001"],
    }
    for sampler, more in long.items():
        command = [*SAMPLE, *SMALL[sampler], *more, f"run_name={sampler}"]
        require_end(janus_runs, tmp_path, signal, random.uniform(0.1, 0.6), *command)
    own = module(tmp_path, "time.sleep(0.002)", "return -0.5 * (theta**2).sum()")
    command = ["pipeline=janus.sample", *CUSTOM, *SMALL["emcee"], *long["emcee"], own]
    for workers in (1, 2):
        named = [f"n_workers={workers}", f"run_name=custom{workers}"]
        require_end(janus_runs, tmp_path, signal, 0.3, *command, *named)


def require_end(runs: JanusRuns, output: Path, signal: int, seconds: float, *command: str) -> None:
    after = {"seconds": seconds, "signal": signal}
    ended = runs(output, *command, after=after)
    assert ended.code == CODES[signal], ended.said
    assert ended.latency < SOON_S
    print(f"latency {command[2:6]} {ended.latency:.3f} s")
    assert "Traceback" not in ended.said
    assert not runs.left_over()
    name = command[-1].partition("=")[2]
    assert read_status(folder_of(output, name) / "status.json").state == "stopped"
    assert events(output, "EXEC_COMPLETE", name)[-1]["cause"] == "interrupted"
    assert list(folder_of(output, name).glob("checkpoints-*/*.ckpt"))


def test_the_status_can_be_read_at_any_time(janus_runs: JanusRuns, tmp_path: Path) -> None:
    """Thousands of times, under its own name and the run's."""
    own = module(tmp_path, "time.sleep(0.0005)", "return -0.5 * (theta**2).sum()")
    steps = ["sampler.steps=150", "checkpoint.every=10"]
    janus_runs.start(tmp_path, "pipeline=janus.sample", *CUSTOM, *SMALL["emcee"], *steps, own)
    folder, seen, reads = folder_of(tmp_path), list[Status](), 0
    until = time.monotonic() + 60.0
    while time.monotonic() < until and not (seen and seen[-1].state != "running"):
        for name in ("status.json", "a_status.json"):
            if (folder / name).exists():
                status = read_status(folder / name)
                reads += 1
                if not seen or status.updated != seen[-1].updated:
                    seen.append(status)
    ended = janus_runs.end()
    assert ended.code == 0, ended.said
    assert reads > 1000
    assert {status.pid for status in seen} == {ended.pid}
    percents = [status.percent for status in seen]
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    sampling = [status for status in seen if status.phase == "sample" and status.speed]
    assert sampling
    assert all(status.rss_mb > 10.0 and status.unit == "steps" for status in sampling)
    assert any(status.eta_s is not None and status.eta_s > 0.0 for status in sampling)
    assert {"step", "steps"} <= set(sampling[-1].cursor)
    assert seen[-1].state == "stopped"  # of its phases, one was asked for
