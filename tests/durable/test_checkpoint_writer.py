"""The writer's thread: the newest is written, nothing is shared, no failure is swallowed."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.durable.checkpoint import Checkpoints, Snapshot
from app.durable.checkpoint_writer import CheckpointWriter
from app.durable.interrupt import Interrupted, interruptible
from app.durable.journal import Journal, verify
from app.durable.sealed import Head
from app.errors import SuperiorError


class Held(Checkpoints):
    """Checkpoints whose saves wait to be let go, and may fail."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {}, "run")
        self.began, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.saved: list[int] = []
        self.failing = False

    def save(self, snapshot: Snapshot, head: Head | None = None) -> dict[str, Any]:
        self.began.release()
        assert self.go.acquire(timeout=30)
        if self.failing:
            raise SuperiorError("the disk is full")
        self.saved.append(snapshot.cursor["iter"])
        return super().save(snapshot, head)


def at(step: int, weights: Any = None) -> Snapshot:
    return Snapshot({"iter": step}, {} if weights is None else {"w": weights}, {"list": [step]})


def loaded(folder: Path) -> Snapshot:
    found = Checkpoints(folder, {}, "run").load()
    assert found is not None
    return found.snapshot


def test_the_newest_is_written_and_those_between_are_not(tmp_path: Path) -> None:
    held = Held(tmp_path)
    writer = CheckpointWriter(held)
    writer.submit(at(1))
    assert held.began.acquire(timeout=30)
    for step in range(2, 100):  # while the first is being written
        writer.submit(at(step))
    held.go.release(2)
    writer.close()
    assert held.saved == [1, 99]
    assert loaded(tmp_path).cursor == {"iter": 99}


def test_what_the_loop_changes_after_submitting_is_not_written(tmp_path: Path) -> None:
    held, weights = Held(tmp_path), np.zeros(4)
    state = {"best": [1.0], "deep": {"er": 1}}
    writer = CheckpointWriter(held)
    writer.submit(Snapshot({"iter": 1}, {"w": weights, "view": weights[::2]}, state))
    weights += 7
    state["best"].append(2.0)  # type: ignore[attr-defined]
    state["deep"]["er"] = 2  # type: ignore[index]
    held.go.release()
    writer.close()
    back = loaded(tmp_path)
    assert back.arrays["w"].tolist() == [0, 0, 0, 0]
    assert back.arrays["view"].tolist() == [0, 0]
    assert back.state == {"best": [1.0], "deep": {"er": 1}}


def test_flush_returns_when_the_last_is_on_disk(tmp_path: Path) -> None:
    with CheckpointWriter(Checkpoints(tmp_path, {}, "run")) as writer:
        for step in range(5):
            writer.submit(at(step))
            writer.flush()
            assert loaded(tmp_path).cursor == {"iter": step}
        assert writer.newest() == tmp_path / "00000005.ckpt"


@pytest.mark.parametrize("call", ["submit", "flush", "close"])
def test_a_failure_is_raised_at_the_next_call_and_then_the_writer_goes_on(
    call: str, tmp_path: Path
) -> None:
    held = Held(tmp_path)
    held.failing = True
    writer = CheckpointWriter(held)
    writer.submit(at(1))
    held.go.release()
    if call == "submit":
        while not writer._failures:
            threading.Event().wait(0.001)
    with pytest.raises(SuperiorError, match="full"):
        {"submit": lambda: writer.submit(at(2)), "flush": writer.flush, "close": writer.close}[
            call
        ]()
    held.failing = False
    if call != "close":
        writer.submit(at(3))
        held.go.release()
    writer.close()
    writer.close()
    assert held.saved == ([] if call == "close" else [3])
    assert not writer._thread.is_alive()


def test_a_failed_write_does_not_hide_why_the_work_ended(tmp_path: Path) -> None:
    held = Held(tmp_path)
    held.failing = True
    held.go.release()
    with pytest.raises(Interrupted) as ended, interruptible(), CheckpointWriter(held) as writer:
        writer.submit(at(1))
        os.kill(os.getpid(), signal.SIGTERM)
    assert "the disk is full" in ended.value.__notes__[0]


def test_a_bad_snapshot_is_refused_by_submit_itself(tmp_path: Path) -> None:
    with (
        CheckpointWriter(Checkpoints(tmp_path, {}, "run")) as writer,
        pytest.raises(TypeError, match="'w' has dtype object"),
    ):
        writer.submit(at(1, np.array([None])))


def test_a_closed_writer_takes_nothing(tmp_path: Path) -> None:
    writer = CheckpointWriter(Checkpoints(tmp_path, {}, "run"))
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.submit(at(1))


def test_the_journal_is_on_disk_before_the_checkpoint_that_holds_its_head(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with (
        Journal(path, buffer_events=256) as journal,
        CheckpointWriter(Checkpoints(tmp_path / "c", {}, "run"), journal) as writer,
    ):
        heads = []
        for step in range(1, 6):
            journal.append("step", number=step)
            writer.submit(at(step))
            writer.flush()
            found = Checkpoints(tmp_path / "c", {}, "run").load()
            assert found is not None
            heads.append(Head(**found.manifest["merkle_curr"]))
            assert (heads[-1].events, path.read_bytes().count(b'"step"')) == (step, step)
    assert verify(path, heads) == []


def test_a_signal_at_any_point_leaves_a_writer_that_closes(tmp_path: Path) -> None:
    """A timer strikes while snapshots are submitted and flushed; closing then never hangs."""

    class Struck(BaseException):
        pass

    def strike(*_: Any) -> None:
        raise Struck

    before = signal.signal(signal.SIGALRM, strike)
    try:
        for number in range(60):
            writer = CheckpointWriter(Checkpoints(tmp_path / str(number), {}, "run"))
            step = 0
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.00013 * number)
                while True:
                    step += 1
                    writer.submit(at(step, np.zeros(8)))
                    if step % 3 == 0:
                        writer.flush()
            except Struck:
                pass
            writer.close()
            found = Checkpoints(tmp_path / str(number), {}, "run").load()
            assert step < 3 or (found is not None and found.snapshot.cursor["iter"] >= step - 1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
