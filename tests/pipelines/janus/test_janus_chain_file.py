"""Records on disk: what a checkpoint counts on is there, and nothing after it."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from app.errors import ResumeError, SuperiorError
from app.pipelines.janus.samplers import chain_file
from app.pipelines.janus.samplers.chain_file import ChainFile, Kept

SHAPE = (2, 3)


def records(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *SHAPE))


@pytest.fixture(autouse=True)
def _small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_file, "BUFFER_BYTES", 4 * 48)


def appended(path: Path, count: int, kept: Kept | None = None) -> Kept:
    """Of `records`, those up to `count`, synced."""
    with ChainFile(path, SHAPE, kept) as chain:
        for record in records(count)[chain.records :]:
            chain.append(record)
        return chain.sync()


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    with ChainFile(tmp_path / "deep" / "chain", SHAPE) as chain:
        assert chain.read().shape == (0, *SHAPE)
        for count, record in enumerate(records(11), start=1):
            chain.append(record)
            assert np.array_equal(chain.read(), records(count))


def test_a_buffer_goes_to_the_file_by_itself(tmp_path: Path) -> None:
    with ChainFile(tmp_path / "chain", SHAPE) as chain:
        for record in records(9):
            chain.append(record)
        assert (tmp_path / "chain").stat().st_size == 8 * 48


def test_it_goes_on_after_what_was_kept(tmp_path: Path) -> None:
    kept = appended(tmp_path / "chain", 7)
    assert kept.records == 7
    assert appended(tmp_path / "chain", 20, Kept.of_state(kept.as_state())).records == 20
    assert np.fromfile(tmp_path / "chain").tobytes() == records(20).tobytes()


@pytest.mark.parametrize("torn", [1, 47, 48, 500])
def test_a_torn_tail_is_cut_off(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "chain"
    kept = appended(path, 6)
    with path.open("ab") as file:
        file.write(b"\xff" * torn)
    with ChainFile(path, SHAPE, kept) as chain:
        assert np.array_equal(chain.read(), records(6))
        assert path.stat().st_size == 6 * 48


def test_without_a_checkpoint_it_begins_anew(tmp_path: Path) -> None:
    appended(tmp_path / "chain", 6)
    with ChainFile(tmp_path / "chain", SHAPE) as chain:
        assert not chain.records
        assert not (tmp_path / "chain").stat().st_size


def test_an_older_checkpoint_is_gone_back_to(tmp_path: Path) -> None:
    older = appended(tmp_path / "chain", 5)
    appended(tmp_path / "chain", 9, older)
    assert appended(tmp_path / "chain", 9, older) == appended(tmp_path / "other", 9)


def test_a_file_too_short_is_refused(tmp_path: Path) -> None:
    kept = appended(tmp_path / "chain", 6)
    os.truncate(tmp_path / "chain", 6 * 48 - 1)
    with pytest.raises(ResumeError, match=r"chain has 287 bytes .* counts on 288"):
        ChainFile(tmp_path / "chain", SHAPE, kept)


@pytest.mark.parametrize("at", [0, 100, 287])
def test_changed_bytes_are_refused(tmp_path: Path, at: int) -> None:
    path = tmp_path / "chain"
    kept = appended(path, 6)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ResumeError, match="not those its checkpoint was made after"):
        ChainFile(path, SHAPE, kept)


def test_the_last_record_is_taken_back(tmp_path: Path) -> None:
    with ChainFile(tmp_path / "chain", SHAPE) as chain:
        for count, record in enumerate(records(9)):
            chain.append(record)
            chain.cut(count)
            chain.append(record)
        assert np.array_equal(chain.read(), records(9))
        with pytest.raises(ValueError, match="cannot be cut"):
            chain.cut(10)
        with pytest.raises(ValueError, match="cannot be cut"):
            chain.cut(8)


@pytest.mark.parametrize("when", ["before", "half", "after"])
def test_an_interrupted_write_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    write, calls = os.pwrite, []

    def interrupted(file: int, content: bytes, place: int) -> int:
        calls.append(place)
        if len(calls) == 2:
            if when != "before":
                write(file, content[: 50 if when == "half" else None], place)
            raise KeyboardInterrupt
        return write(file, content, place)

    monkeypatch.setattr(os, "pwrite", interrupted)
    with ChainFile(tmp_path / "chain", SHAPE) as chain:
        strikes = 0
        while chain.records < 15:
            try:
                chain.append(records(15)[chain.records])
            except KeyboardInterrupt:
                strikes += 1
        assert strikes == 1
        kept = chain.sync()
    assert kept == appended(tmp_path / "other", 15)
    assert (tmp_path / "chain").read_bytes() == (tmp_path / "other").read_bytes()


def test_short_writes_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, content, at: write(file, content[:7], at))
    appended(tmp_path / "chain", 13)
    assert (tmp_path / "chain").read_bytes() == records(13).tobytes()


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with ChainFile(tmp_path / "chain", SHAPE) as chain:
        chain.append(records(1)[0])
        with pytest.raises(SuperiorError, match=r"chain cannot be written: No space left"):
            chain.sync()
