"""`record.jsonl`: what a run of a sweep tells, without MLflow."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.tracking.record import RecordFile, is_unchanged, read_record


def messages(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_run_tells_its_record_everything(run_folder: Path) -> None:
    told = messages(run_folder / "record.jsonl")
    by_kind: dict[str, list[Any]] = {}
    for message in told:
        by_kind.setdefault(message["do"], []).append(message)
    assert [told[0]["do"], told[-1]["do"]] == ["start", "end"]
    assert {kind: len(some) for kind, some in by_kind.items()} == {
        "start": 1,
        "data": 1,
        "model": 2,
        "metrics": 2,
        "artifact": 2,
        "end": 1,
    }
    assert told[0]["params"]["split.train_prop"] == "0.8"
    small, big = by_kind["metrics"]
    assert (small["model"], small["family"]) == ("words_small", "toy")
    assert big["values"]["macro_f1"] == 0.8
    folders = {message["folder"] for message in by_kind["model"]}
    assert folders == {"models/words_small", "models/words_big"}
    assert "report.html" in {message["path"] for message in by_kind["artifact"]}
    assert told[-1]["status"] == "FINISHED"


def test_also_with_tracking_off(recorded: Any, tmp_path: Path) -> None:
    record = tmp_path / "data" / "off" / "record.jsonl"
    ran = type(recorded)(tmp_path).run("off", record, enabled="0")
    assert ran.code == 0, ran.err
    assert "mlflow" not in ran.err
    assert len(messages(record)) == 9


def test_paths_are_absolute_again_wherever_the_folder_is(run_folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "record.jsonl").write_bytes((run_folder / "record.jsonl").read_bytes())
    (section,) = read_record(moved / "record.jsonl")
    paths = {message["path"] for message in section.messages if message["do"] == "artifact"}
    assert str(moved / "report.html") in paths


def test_a_process_appends_its_runs_and_replaces_those_of_an_earlier_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "record.jsonl"
    run = (
        "from pathlib import Path; from app.tracking.record import RecordFile\n"
        f"for _ in range(2): RecordFile(Path({str(path)!r}), params={{}}).end('FINISHED')"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", run], check=True)
    assert [told["do"] for told in messages(path)] == ["start", "end", "start", "end"]


def test_the_line_a_killed_run_was_writing_is_left_out(tmp_path: Path, run_folder: Path) -> None:
    whole = (run_folder / "record.jsonl").read_bytes()
    torn = tmp_path / "record.jsonl"
    ends = [at for at, byte in enumerate(whole) if byte == 10]
    torn.write_bytes(whole[: ends[1] + 20])
    (section,) = read_record(torn)
    assert len(section.messages) == 1
    torn.write_bytes(whole[:10])
    assert read_record(torn) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_at_the_end() -> None:
    record = RecordFile(Path("/dev/full"), params={})
    record.send("metrics", model="m", family="f", values={})
    assert record.end("FINISHED").errors[0] == "/dev/full: No space left on device"


def test_a_changed_record_is_seen(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "record.jsonl"
    path.write_text("one\n")
    digest = hashlib.blake2b(b"one\n", digest_size=16).hexdigest()
    assert is_unchanged(path, digest)
    path.write_text("two\n")
    assert not is_unchanged(path, digest)
