"""Content hashes: remembered only while the file is certainly the same."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from app.durable import digests
from app.durable.digests import file_digest, remembered


def expected(content: bytes) -> str:
    return f"{hashlib.blake2b(content, digest_size=16).hexdigest()} {len(content)}"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(digests, "SETTLED_S", -1.0)  # the files of a test are always fresh
    monkeypatch.setattr(digests, "WORTH_BYTES", 10)
    return tmp_path / "notes"


def test_a_known_file_is_not_read_again(notes: Path, tmp_path: Path) -> None:
    file = tmp_path / "corpus.xml"
    file.write_bytes(b"a" * 100)
    with remembered(notes):
        assert file_digest(file) == expected(b"a" * 100)
    (note,) = notes.iterdir()
    said = json.loads(note.read_text())
    note.write_text(json.dumps({**said, "digest": "noted"}))
    with remembered(notes):
        assert file_digest(file) == "noted"
    assert file_digest(file) == expected(b"a" * 100)


def test_a_change_of_the_same_size_and_time_is_seen(notes: Path, tmp_path: Path) -> None:
    file = tmp_path / "corpus.xml"
    file.write_bytes(b"a" * 100)
    before = file.stat()
    with remembered(notes):
        file_digest(file)
        file.write_bytes(b"b" * 100)
        while file.stat().st_ctime_ns == before.st_ctime_ns:  # the clock's tick
            os.utime(file, ns=(before.st_mtime_ns, before.st_mtime_ns))
        os.utime(file, ns=(before.st_mtime_ns, before.st_mtime_ns))
        assert file_digest(file) == expected(b"b" * 100)


def test_a_file_changed_this_moment_is_not_remembered(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_S", 2.0)
    file = tmp_path / "corpus.xml"
    file.write_bytes(b"a" * 100)
    with remembered(notes):
        assert file_digest(file) == expected(b"a" * 100)
    assert not notes.exists()


@pytest.mark.parametrize("torn", [b"", b"\0\0\0\0", b'{"state": [1', b"[]", b'{"state": 1}'])
def test_a_torn_note_is_no_note(torn: bytes, notes: Path, tmp_path: Path) -> None:
    file = tmp_path / "corpus.xml"
    file.write_bytes(b"a" * 100)
    with remembered(notes):
        file_digest(file)
        (note,) = notes.iterdir()
        note.write_bytes(torn)
        assert file_digest(file) == expected(b"a" * 100)
