"""A durable run: killed, told to stop, out of time, over several nodes, in stages."""

import json
import logging
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.durable.alarm import DeadlineReached
from app.durable.checkpoint import Snapshot
from app.durable.governor import Governor
from app.durable.interrupt import Interrupted
from app.durable.journal import read_events, verify
from app.durable.run import DurableRun
from app.durable.status import read_status, state_now
from app.errors import InputError, ResumeError, SuperiorError

PROGRAM = Path(__file__).with_name("durable_loop.py")
PHASES = {"read": 1.0, "fit": 8.0, "write": 1.0}
STEPS = 40


def loop(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    told = [str(argument) for argument in arguments]
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), *told],
        capture_output=True,
        text=True,
        check=False,
    )


def opened(folder: Path, **given: Any) -> DurableRun:
    return DurableRun(folder, study="toy", run_name="a", phases=PHASES, **given)


def events(folder: Path, name: str = "") -> list[dict[str, Any]]:
    found = list(read_events(folder / "journal.jsonl"))
    return [event for event in found if not name or event["event"] == name]


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    ended = loop(tmp_path_factory.mktemp("whole") / "run", STEPS, 0, "rfw")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_whole_run_leaves_everything_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with opened(folder, governor=Governor(60.0)) as run:
        for phase in PHASES:
            with run.phase(phase):
                run.advance(0.5, {"step": 1}, {"candidate": 2})
    names = [event["event"] for event in events(folder)]
    assert names[0] == "BOOT"
    assert names[-1] == "EXEC_COMPLETE"
    assert {"GLOBAL_PROGRESS_REALTIME", "TRAIN_CURSOR", "TIME_BUDGET_STATE"} < set(names)
    assert events(folder, "EXEC_COMPLETE")[0]["cause"] == "complete"
    assert verify(folder / "journal.jsonl", [run.head] if run.head else None) == []
    status = read_status(folder / "status.json")
    assert (status.state, status.percent, status.eta_s) == ("finished", 100.0, 0.0)
    assert not (folder / "post_mortem.json").exists()
    profile = content(folder / "RUN_PROFILE_SUMMARY.json")
    assert list(profile["phases"]) == list(PHASES)
    assert sum(profile["shares"].values()) == pytest.approx(1.0)
    assert profile["units"]["candidate"]["count"] == 6.0


@pytest.mark.parametrize("kills", [[1, 17], [9, 2, 26]])
def test_sigkill_at_any_step_and_the_same_command_ends_the_same(
    kills: list[int], tmp_path: Path, uninterrupted: str
) -> None:
    folder = tmp_path / "run"
    for at in kills:
        killed = loop(folder, STEPS, 0, "rfw", "sigkill", at)
        assert killed.returncode == -9
        assert state_now(read_status(folder / "status.json")) == "killed"
    ended = loop(folder, STEPS, 0, "rfw")
    assert ended.stdout == uninterrupted, ended.stderr
    boots = events(folder, "BOOT")
    assert len({boot["run_id"] for boot in boots}) == 1
    assert [boot["killed_before"] for boot in boots] == [False, *[True] * len(kills)]
    told = content(folder / "post_mortem.json")
    assert (told["cause"], told["blocking_phase"]) == ("killed", "fit")
    assert told["pid"] == boots[-2]["pid"]
    steps = {event["step"] for event in events(folder, "PROGRESS_UPDATE")}
    assert steps == set(range(1, STEPS + 1))  # none is missing: each was told before it was saved
    assert len(events(folder, "EXEC_COMPLETE")) == 1


def test_what_a_killed_process_spent_counts(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert loop(folder, STEPS, 30, "rfw", "sigkill", 30).returncode == -9
    told = read_status(folder / "status.json")
    with opened(folder, governor=Governor(30.0)) as run:
        assert run.governor.spent() >= max(told.spent_s, 30 * 0.002)
        assert 0.0 < run.governor.spent_in("fit") <= run.governor.spent()
    with opened(folder, governor=Governor(30.0)) as run:  # that one ended in order
        assert run.governor.spent_in("fit") == 0.0


def test_sigterm_in_a_phase_saves_ends_in_order_and_goes_on(
    tmp_path: Path, uninterrupted: str
) -> None:
    folder = tmp_path / "run"
    stopped = loop(folder, STEPS, 0, "rfw", "sigterm", 20)
    assert stopped.returncode == 143, stopped.stderr
    (end,) = events(folder, "EXEC_COMPLETE")
    assert (end["cause"], end["whole"]) == ("interrupted", False)
    assert end["told"].startswith("Interrupted")
    assert read_status(folder / "status.json").state == "stopped"
    told = content(folder / "post_mortem.json")
    assert (told["cause"], told["blocking_phase"], told["cursor"]) == (
        "interrupted", "fit", {"step": 19},
    )  # fmt: skip
    assert loop(folder, STEPS, 0, "rfw").stdout == uninterrupted
    (resumed,) = events(folder, "RESUME_EXACT_OK")
    assert resumed["cursor"] == {"step": 19}
    assert resumed["source_ts_ns"] < resumed["target_ts_ns"]


def test_micro_runs_over_several_deadlines_end_the_same(
    tmp_path: Path, uninterrupted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE_S", "0.025")  # a second of work, 0.6 s for each run
    folder = tmp_path / "run"
    first = loop(folder, STEPS, 0.6, "rfw")
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("True\n")
    names = [event["event"] for event in events(folder)]
    assert names.index("PRETIMEOUT_FLUSH") < names.index("EXEC_COMPLETE")
    assert events(folder, "EXEC_COMPLETE")[0]["cause"] == "deadline"
    assert read_status(folder / "status.json").state == "deadline"
    assert content(folder / "post_mortem.json")["cause"] == "deadline"
    fit = content(folder / "RUN_PROFILE_SUMMARY.json")["phases"]["fit"]
    assert fit["reached"] < 1.0
    for _ in range(20):
        last = loop(folder, STEPS, 0.6, "rfw")
        if last.stdout.endswith("False\n"):
            break
    assert last.stdout == uninterrupted


def test_stages_in_processes_of_their_own_are_one_run(tmp_path: Path, uninterrupted: str) -> None:
    folder = tmp_path / "run"
    assert loop(folder, STEPS, 0, "r").returncode == 0
    assert loop(folder, STEPS, 0, "f").stdout == uninterrupted
    status = read_status(folder / "status.json")
    assert status.state == "stopped"
    assert status.percent == pytest.approx(90.0, abs=0.1)
    assert not (folder / "post_mortem.json").exists()
    assert loop(folder, STEPS, 0, "w").returncode == 0
    status = read_status(folder / "status.json")
    assert (status.state, status.percent) == ("finished", 100.0)
    assert [end["whole"] for end in events(folder, "EXEC_COMPLETE")] == [False, False, True]
    with opened(folder) as run, run.phase("read"):  # the whole run again: nothing is done yet
        assert run.progress.shown == 0.0


def test_a_deadline_in_a_reserved_phase_leaves_time_for_the_next(tmp_path: Path) -> None:
    done = []
    governor = Governor(0.4, reserve={"fit": 0.0, "write": 0.15})
    with opened(tmp_path / "run", governor=governor) as run:
        with run.phase("read"), run.until_deadline():
            time.sleep(0.01)
        with run.phase("fit"), run.until_deadline():
            time.sleep(30)
        with run.phase("write"), run.until_deadline():
            time.sleep(0.02)
            done.append("written")
    assert done == ["written"]
    assert run.deadline_reached
    ends = {end["phase"]: (end["done"], end["cut"]) for end in events(run.folder, "PHASE_END")}
    assert ends == {"read": (True, False), "fit": (False, True), "write": (True, False)}


def test_past_the_deadline_nothing_more_is_started_but_the_run_ends_in_order(
    tmp_path: Path,
) -> None:
    started = []
    with opened(tmp_path / "run", governor=Governor(0.01, reserve={"write": 0.0})) as run:
        time.sleep(0.02)
        with run.phase("fit"), run.until_deadline(), run.unit("step"):
            started.append("step")
    assert started == []
    assert events(run.folder, "EXEC_COMPLETE")[0]["cause"] == "deadline"


def test_outside_the_main_thread_units_still_keep_to_the_deadline(tmp_path: Path) -> None:
    steps = []
    with opened(tmp_path / "run", governor=Governor(0.2)) as run:

        def work() -> None:
            with run.phase("fit"), run.until_deadline():
                while True:
                    with run.unit("step"):
                        time.sleep(0.005)
                        steps.append("step")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=20)
    assert steps
    assert run.deadline_reached


def test_an_open_ended_phase_is_whole_when_its_deadline_ends_it(tmp_path: Path) -> None:
    with opened(tmp_path / "run", governor=Governor(0.3, reserve={"write": 0.05})) as run:
        with run.phase("read"):
            pass
        with run.phase("fit", open_ended=True), run.until_deadline():
            while True:
                with run.unit("step"):
                    time.sleep(0.005)
                run.advance(0.001)  # of a target that is far away
        assert run.progress.fractions["fit"] == 1.0
        with run.phase("write"):
            pass
    status = read_status(run.folder / "status.json")
    assert (status.state, status.percent) == ("deadline", 100.0)
    profile = content(run.folder / "RUN_PROFILE_SUMMARY.json")
    assert profile["phases"]["fit"]["reached"] == 0.001


def test_work_that_ends_as_its_deadline_rings_is_cut_or_whole_and_the_program_goes_on(
    tmp_path: Path,
) -> None:
    draw = random.Random(1)
    with opened(tmp_path / "run") as run, run.phase("fit"):
        for _ in range(300):
            run.governor = Governor(draw.uniform(0.0, 3e-4))
            with run.governor.phase("fit"), run.until_deadline():
                end = time.perf_counter() + draw.uniform(0.0, 3e-4)
                while time.perf_counter() < end:
                    pass
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_rehearsal_measures_the_reserve(tmp_path: Path) -> None:
    governor = Governor(100.0, reserve={"write": 0.0})
    with opened(tmp_path / "run", governor=governor) as run, run.phase("fit"):
        before = governor.reserved()
        with run.rehearse("write"):
            time.sleep(0.01)
        assert 0.01 <= governor.reserved() < before
    later = Governor(100.0, reserve={"write": 0.0})
    with opened(tmp_path / "run", governor=later):
        assert later.reserved() == governor.reserve_of("write")  # as its journal tells


@pytest.mark.parametrize(
    ("told", "computed"), [({"percent": 80.0}, 50.0), ({"phase_percent": 99.0}, 50.0)]
)
def test_a_told_percentage_that_is_a_lie_is_followed_by_an_alert(
    told: dict[str, Any], computed: float, tmp_path: Path
) -> None:
    with opened(tmp_path / "run") as run:
        with run.phase("read"):
            pass
        with run.phase("fit"):
            run.advance(0.5)
            run.event("PROGRESS_UPDATE", percent=50.0)
            run.event("PROGRESS_UPDATE", **told)
    names = [event["event"] for event in events(run.folder)]
    lie = max(at for at, name in enumerate(names) if name == "PROGRESS_UPDATE")
    assert names.count("PROGRESS_INTEGRITY_ALERT") == 1
    assert 0 < names.index("PROGRESS_INTEGRITY_ALERT") - lie <= 2
    (alert,) = events(run.folder, "PROGRESS_INTEGRITY_ALERT")
    assert alert["computed"] == pytest.approx(computed)


def test_a_loop_whose_word_is_not_its_cursor_is_told(tmp_path: Path) -> None:
    cursor = {
        "epoch": 0, "epochs": 2, "candidate_index": 0, "candidate_total": 3,
        "iter": 5, "max_iter": 10,
    }  # fmt: skip
    with opened(tmp_path / "run") as run, run.phase("fit"):
        run.advance(cursor=cursor)
        assert run.progress.fractions["fit"] == pytest.approx(0.5 / 3 / 2)
        run.advance(0.3333, cursor)
    (alert,) = events(run.folder, "PROGRESS_INTEGRITY_ALERT")
    assert alert["told"] == pytest.approx(33.33)
    assert alert["computed"] == pytest.approx(100 * 0.5 / 3 / 2)


def test_a_checkpoint_of_another_signature_is_refused_and_the_journal_knows(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    with opened(folder, signature={"l1": 0.1}) as run, run.phase("fit"):
        assert run.resume() is None
        manifest = run.checkpoint_now(Snapshot({"step": 1}, {"w": np.zeros(2)}, {}))
    (written,) = events(folder, "CHECKPOINT_WRITTEN")
    assert written["sha512"] == manifest["sha512_payload"]
    with pytest.raises(ResumeError, match="l1"), opened(folder) as run, run.phase("fit"):
        run.resume({"l1": 0.2})
    assert "l1" in events(folder, "RESUME_INCOMPATIBLE")[0]["told"]
    assert read_status(folder / "status.json").state == "failed"
    told = content(folder / "post_mortem.json")
    assert (told["cause"], told["blocking_phase"]) == ("failed", "fit")
    assert "RESUME_INCOMPATIBLE" in told["told"]


def test_a_damaged_newest_checkpoint_and_a_published_one_are_no_exact_resume(
    tmp_path: Path,
) -> None:
    folder, published = tmp_path / "run", tmp_path / "published"
    with opened(folder) as run, run.phase("fit"):
        run.resume({})
        for step in (1, 2):
            run.checkpoint_now(Snapshot({"step": step}, {"w": np.zeros(2)}, {}))
        newest = run.newest_checkpoint()
    assert newest is not None
    published.mkdir()
    (published / newest.name).write_bytes(newest.read_bytes())
    newest.write_bytes(newest.read_bytes()[:-1])
    with opened(folder) as run, run.phase("fit"):
        loaded = run.resume({})
    assert loaded is not None
    assert loaded.snapshot.cursor == {"step": 1}
    with opened(folder) as run, run.phase("fit"):
        loaded = run.resume({}, published=published)
    assert loaded is not None
    assert loaded.snapshot.cursor == {"step": 2}
    first, second = events(folder, "RESUME_OK")
    assert newest.name in first["refused"][0]
    assert second["cursor"] == {"step": 2}


def test_loops_of_one_run_have_checkpoints_of_their_own(tmp_path: Path) -> None:
    for seen in (None, {"step": 7}):
        with opened(tmp_path / "run") as run, run.phase("fit"):
            run.resume({"of": "grid"})
            run.checkpoint(Snapshot({"step": 3}, {"w": np.zeros(2)}, {}))
            loaded = run.resume({"of": "student"}, loop="student")
            assert (loaded.snapshot.cursor if loaded else None) == seen
            run.checkpoint(Snapshot({"step": 7}, {"w": np.zeros(2)}, {}))


def test_checkpoints_need_to_know_what_they_belong_to(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as run, pytest.raises(ValueError, match="resume"):
        run.checkpoint(Snapshot({}, {}, {}))


def test_a_second_process_may_not_write_the_run(tmp_path: Path) -> None:
    with opened(tmp_path / "run"), pytest.raises(InputError, match="another process"):
        opened(tmp_path / "run")
    with opened(tmp_path / "run"):
        pass


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (KeyboardInterrupt(), "interrupted"), (Interrupted("SIGTERM"), "interrupted"),
        (RuntimeError("a bug"), "failed"), (DeadlineReached("over"), "deadline"),
    ],
)  # fmt: skip
def test_each_end_has_its_cause(error: BaseException, cause: str, tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    run.close(error)
    run.close()
    (end,) = events(run.folder, "EXEC_COMPLETE")
    assert end["cause"] == cause
    assert content(run.folder / "post_mortem.json")["cause"] == cause


def test_a_signal_that_a_library_took_for_a_failure_is_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), opened(tmp_path / "run") as run:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stopped:
            raise RuntimeError("the node failed") from stopped
    assert events(run.folder, "EXEC_COMPLETE")[0]["cause"] == "interrupted"


def test_a_checkpoint_that_cannot_be_written_fails_the_run(tmp_path: Path) -> None:
    refused = pytest.raises(SuperiorError, match="cannot be written")
    with refused, opened(tmp_path / "run") as run, run.phase("fit"):
        run.resume({})
        (run.folder / "checkpoints").write_text("in the way")
        run.checkpoint(Snapshot({"step": 1}, {"w": np.zeros(2)}, {}))
    assert events(run.folder, "EXEC_COMPLETE")[0]["cause"] == "failed"


def test_the_next_run_takes_its_weights_and_tells_its_speed_up(tmp_path: Path) -> None:
    for name, pause in (("slow", 0.02), ("fast", 0.002)):
        run = DurableRun(tmp_path / name, study="toy", run_name=name, phases=PHASES)
        with run:
            for phase in PHASES:
                with run.phase(phase):
                    for step in range(5):
                        time.sleep(pause)
                        run.advance((step + 1) / 5, units={"step": 1} if phase == "fit" else None)
    (told,) = events(run.folder, "PHASE_WEIGHT_CALIBRATION")
    assert told["profiles"] == 1
    slow = content(tmp_path / "slow" / "RUN_PROFILE_SUMMARY.json")
    assert told["weights"]["fit"] == slow["phases"]["fit"]["seconds"]
    assert content(run.folder / "RUN_PROFILE_SUMMARY.json")["speed_up"]["step"] > 1.0


def test_an_unknown_phase_and_progress_outside_one_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as run:
        refused = pytest.raises(ValueError, match="no phase 'fitt': read, fit, write")
        with refused, run.phase("fitt"):
            pass
        with pytest.raises(ValueError, match="outside a phase"):
            run.advance(0.5)


def test_the_heart_beats_and_tells_of_a_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.durable.stall.LEAST_S", 0.02)
    caplog.set_level(logging.WARNING)
    with opened(tmp_path / "run", beat_s=0.02) as run, run.phase("fit"):
        run.advance(0.25, {"step": 5})
        while not events(run.folder, "STALL_ALERT"):
            time.sleep(0.01)
    beat = events(run.folder, "HEARTBEAT")[-1]
    assert beat["phase"] == "fit"
    assert beat["phase_percent"] == 25.0
    assert beat["rss_mb"] > 1.0
    assert events(run.folder, "STALL_ALERT")[0]["cursor"] == {"step": 5}
    assert caplog.records == []
