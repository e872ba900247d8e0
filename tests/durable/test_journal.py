"""The journal keeps every event, cuts a torn tail, and names every change made to it."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.durable.event_line import encoded, is_json
from app.durable.journal import SEAL, Head, Journal, read_events, verify
from app.errors import InputError

BLOCK = 5
EVENTS = 23  # four sealed blocks and three events


def write(path: Path, events: int = EVENTS) -> Head:
    with Journal(path, block_events=BLOCK) as journal:
        for number in range(1, events + 1):
            journal.append("step", number=number, text=f"é {number}")
    return Head.of(path.with_name(path.name + ".head").read_text(encoding="utf-8"))


def numbers(path: Path) -> list[int]:
    return [event["number"] for event in read_events(path)]


def test_events_come_back_in_order(tmp_path: Path) -> None:
    head = write(tmp_path / "j.jsonl")
    events = list(read_events(tmp_path / "j.jsonl"))
    assert [event["number"] for event in events] == list(range(1, EVENTS + 1))
    assert events[0]["event"] == "step"
    assert all(isinstance(event["ts_ns"], int) for event in events)
    assert head.events == EVENTS
    assert verify(tmp_path / "j.jsonl") == []


def test_a_journal_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    first = write(path, 7)
    with Journal(path, block_events=BLOCK) as journal:
        journal.append("step", number=8)
    assert numbers(path) == list(range(1, 9))
    assert verify(path, [first]) == []


def test_the_file_cut_at_every_byte_opens_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "whole.jsonl")
    content = (tmp_path / "whole.jsonl").read_bytes()
    lines = content.splitlines(keepends=True)
    for cut in range(len(content) + 1):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(content[:cut])
        kept = [line for line in lines_within(lines, cut) if not line.startswith(SEAL)]
        with Journal(path, block_events=BLOCK) as journal:
            assert journal.events == len(kept)
            journal.append("step", number=99)
        assert numbers(path) == [*range(1, len(kept) + 1), 99]
        assert verify(path) == []


def lines_within(lines: list[bytes], cut: int) -> list[bytes]:
    whole, at = [], 0
    for line in lines:
        at += len(line)
        if at > cut:
            break
        whole.append(line)
    return whole


def flip(lines: list[bytes]) -> None:
    at = next(i for i, line in enumerate(lines) if b'"number":7,' in line)
    lines[at] = lines[at].replace(b'"number":7,', b'"number":8,')


def delete(lines: list[bytes]) -> None:
    del lines[next(i for i, line in enumerate(lines) if b'"number":7,' in line)]


def insert(lines: list[bytes]) -> None:
    at = next(i for i, line in enumerate(lines) if b'"number":7,' in line)
    lines.insert(at, b'{"ts_ns":1,"event":"step","number":0}\n')


def reorder(lines: list[bytes]) -> None:
    at = next(i for i, line in enumerate(lines) if b'"number":7,' in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def truncate(lines: list[bytes]) -> None:
    del lines[-6:]


def drop_a_block(lines: list[bytes]) -> None:
    del lines[BLOCK + 1 : 2 * (BLOCK + 1)]


@pytest.mark.parametrize(
    ("change", "kind", "event"),
    [
        (flip, "flipped", 7),
        (delete, "deleted", 7),
        (insert, "inserted", 7),
        (reorder, "reordered", 7),
        (truncate, "truncated", 20),
        (drop_a_block, "deleted", 6),
    ],
)
def test_every_change_is_named(
    change: Callable[[list[bytes]], None], kind: str, event: int, tmp_path: Path
) -> None:
    path = tmp_path / "j.jsonl"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))
    problems = verify(path)
    assert (problems[0].kind, problems[0].event) == (kind, event), problems
    assert str(event) in problems[0].text or kind == "truncated"


def test_a_flip_of_any_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path)
    content = path.read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(bytes(changed))
        assert verify(path), f"byte {at}"


def test_a_journal_rewritten_with_new_seals_does_not_fit_a_head_kept_elsewhere(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.jsonl"
    head = write(path)
    path.unlink()
    with Journal(path, block_events=BLOCK) as journal:
        for number in range(1, EVENTS + 1):
            journal.append("step", number=number if number != 7 else 8)
    assert verify(path) == []  # it is whole in itself
    (problem,) = verify(path, [head])
    assert problem.kind == "rewritten"


def test_nothing_is_appended_to_a_changed_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path)
    path.write_bytes(path.read_bytes().replace(b'"number":3,', b'"number":4,'))
    with pytest.raises(InputError, match="event 3 was changed"):
        Journal(path)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "j.jsonl"),
        pytest.raises(InputError, match="process"),
        Journal(tmp_path / "j.jsonl"),
    ):
        pass


def test_a_killed_writer_loses_no_event_it_was_told(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from app.durable.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), block_events=5)\n"
        "for number in range(1, 13): journal.append('step', number=number)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert numbers(path) == list(range(1, 13))
    with Journal(path, block_events=BLOCK) as journal:
        assert journal.events == 12
    assert verify(path) == []


def test_values_are_json(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.jsonl") as journal:
        with pytest.raises(TypeError):
            journal.append("bad", value=object())
        journal.append("good", value=[1, None, {"a": 0.1}])
    (event,) = read_events(tmp_path / "j.jsonl")
    assert json.loads(json.dumps(event))["value"] == [1, None, {"a": 0.1}]


def test_a_full_disk_leaves_whole_lines_and_the_journal_goes_on(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk: a write is cut short by it."""
    path = tmp_path / "j.jsonl"
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from app.durable.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), block_events=5)\n"
        "limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "failed = 0\n"
        "for number in range(1, 31):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (50 * number, limits[1]))\n"
        "    try: journal.append('step', number=number)\n"
        "    except OSError: failed += 1\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
        "journal.append('step', number=31)\n"
        "journal.close()\n"
        "print(failed)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(ended.stdout) > 0
    assert verify(path) == []
    kept = numbers(path)
    assert kept == sorted(set(kept))
    assert kept[-1] == 31


def test_an_interrupt_between_writing_and_counting_leaves_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("first")
        write = Journal._write

        def interrupted(self: Journal, line: bytes) -> None:
            write(self, line)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Journal, "_write", interrupted)
            journal.append("second")
        journal.append("third")
    assert [event["event"] for event in read_events(path)] == ["first", "third"]
    assert verify(path) == []


def test_a_journal_whose_seal_fails_is_closed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append("first")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="full"):
        patched.setattr(Journal, "_write", lambda *_: (_ for _ in ()).throw(OSError("full")))
        journal.close()
    with Journal(path) as again:
        assert again.events == 1


def test_a_missing_last_seal_is_told_as_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("first")
    *events, _seal = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(events))
    (problem,) = verify(path)
    assert problem.kind == "truncated"


BUFFER = 4


def buffered(path: Path, **named: int) -> Journal:
    return Journal(path, buffer_events=BUFFER, **named)


def test_a_burst_reaches_the_system_in_buffers_and_a_lone_event_at_once(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with buffered(path) as journal:
        journal._went_ns = journal._due_ns = 0  # the last ones went long ago
        journal.append("step", number=1)
        assert numbers(path) == [1]
        for number in range(2, 2 + BUFFER):
            journal._due_ns = 1 << 62
            assert numbers(path) == [1]
            journal.append("step", number=number)
        assert numbers(path) == list(range(1, 2 + BUFFER))
        assert journal.events == 1 + BUFFER


@pytest.mark.parametrize("push", ["flush", "seal", "durable"])
def test_what_waits_goes_when_it_is_asked_for(push: str, tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with buffered(path) as journal:
        journal._due_ns = 1 << 62
        journal.append("step", number=1)
        assert (numbers(path), journal.events) == ([], 1)
        if push == "durable":
            journal.append("step", durable=True, number=2)
        else:
            getattr(journal, push)()
        assert numbers(path) == ([1, 2] if push == "durable" else [1])
    assert verify(path) == []


def test_a_clock_set_back_keeps_nothing_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.jsonl"
    with buffered(path) as journal:
        monkeypatch.setattr("app.durable.journal.time_ns", lambda: 1)
        journal.append("step", number=1)
        assert numbers(path) == [1]


def test_a_buffered_journal_has_the_bytes_of_an_unbuffered_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.durable.journal.time_ns", lambda: 1)
    for size in (1, 2, 3, BLOCK, 100):
        with Journal(tmp_path / f"{size}", block_events=BLOCK, buffer_events=size) as journal:
            journal._due_ns = 1 << 62
            for number in range(EVENTS):
                journal.append("step", number=number)
    contents = {(tmp_path / f"{size}").read_bytes() for size in (1, 2, 3, BLOCK, 100)}
    assert len(contents) == 1


def test_a_full_disk_leaves_buffered_events_whole_and_each_refused_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes half of every third write and refuses the rest of it."""
    path, calls, kept = tmp_path / "j.jsonl", [0], []
    real = os.write

    def short(file: int, line: bytes) -> int:
        calls[0] += 1
        if calls[0] % 3 == 1:
            return real(file, line[: len(line) // 2])
        if calls[0] % 3 == 2:
            raise OSError(28, "No space left on device")
        return real(file, line)

    journal = buffered(path, block_events=BLOCK)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", short)
        for number in range(100):
            try:
                journal.append("step", number=number)
                kept.append(number)
            except OSError:
                pass
            assert journal.events == len(kept)
    journal.close()
    assert 0 < len(kept) < 100
    assert numbers(path) == kept
    assert verify(path) == []


def test_threads_append_and_seal_at_once(tmp_path: Path) -> None:
    path, heads = tmp_path / "j.jsonl", []
    with Journal(path, block_events=BLOCK, buffer_events=BUFFER) as journal:

        def append(worker: int) -> None:
            for number in range(300):
                journal.append("step", number=worker * 1000 + number)

        threads = [threading.Thread(target=append, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            heads.append(journal.seal())
        for thread in threads:
            thread.join()
    told = numbers(path)
    assert sorted(told) == [worker * 1000 + number for worker in range(4) for number in range(300)]
    for worker in range(4):
        mine = [number for number in told if number // 1000 == worker]
        assert mine == sorted(mine)
    assert verify(path, heads) == []


def test_a_signal_at_any_point_leaves_a_whole_journal(tmp_path: Path) -> None:
    """What was appended before the signal is there, in order; the event it struck may be."""

    class Struck(BaseException):
        pass

    def strike(*_: Any) -> None:
        raise Struck

    before = signal.signal(signal.SIGALRM, strike)
    try:
        for round_ in range(100):
            path = tmp_path / str(round_)
            journal, done = Journal(path, block_events=BLOCK, buffer_events=round_ % 7 + 1), 0
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.00003 * round_)
                while True:
                    journal.append("step", number=done + 1)
                    done += 1
            except Struck:
                journal.append("struck", number=-1)
            journal.close()
            told = numbers(path)
            assert told[-1] == -1
            assert told[:-1] in (list(range(1, done + 1)), list(range(1, done + 2)))
            assert verify(path) == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json_value_comes_back_as_it_went_in(value: Any) -> None:
    line = encoded({"event": "x", "value": value})
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert is_json(line)
    assert repr(json.loads(line)["value"]) == repr(value)


def test_numpy_values_are_taken_nan_too(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.jsonl") as journal:
        journal.append(
            "x", loss=np.float64(0.1), at=np.int64(3), per=np.array([1.5, 2.5]), on=np.bool_(True)
        )
        journal.append("x", loss=np.float32("nan"), per=np.array([np.inf, 1.0]), none=None)
    first, second = read_events(tmp_path / "j.jsonl")
    assert [first[name] for name in ("loss", "at", "per", "on")] == [0.1, 3, [1.5, 2.5], True]
    assert math.isnan(second["loss"])
    assert (second["per"], second["none"]) == ([math.inf, 1.0], None)
