"""The stage cache: whole entries only, one computation a key, and no more than its limit."""

import json
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from app.sweep import cache as cache_module
from app.sweep.cache import StageCache

LARGE = "content" * cache_module.SMALL_BYTES
KEY, OTHER = "aaa" + "0" * 29, "bbb" + "0" * 29
PROCESSES = get_context("spawn")  # what a process of another run is


@contextmanager
def process(work: Callable[..., None], *arguments: object) -> Iterator[tuple[Connection, int]]:
    """A process of its own, with a pipe to it; killed at the end if it still runs."""
    ours, theirs = PROCESSES.Pipe()
    running = PROCESSES.Process(target=work, args=(theirs, *arguments))
    running.start()
    theirs.close()
    try:
        assert running.pid is not None
        yield ours, running.pid
        running.join(60)
    finally:
        running.kill()
        running.join()


def made(cache: StageCache, key: str, text: str, folder: Path) -> Path:
    """Stores one file under `key`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / key
    file.unlink(missing_ok=True)
    file.write_text(text)
    with cache.computing(key, "it"):
        assert cache.store(key, {"table": file, "sub/part": file}, {"said": text[:9]})
    return file


def found(cache: StageCache, key: str) -> str | None:
    """What is stored under `key`."""
    with cache.held() as held:
        entry = cache.restore(key, held / "it")
        if entry is None:
            assert not (held / "it").exists()
            return None
        text = entry.files["table"].read_text()
        assert entry.files["sub/part"].read_text() == text
        assert entry.told == {"said": text[:9]}
        return text


def test_what_is_stored_comes_back_as_links(tmp_path: Path) -> None:
    cache = StageCache(tmp_path / "cache", 1)
    assert found(cache, KEY) is None
    file = made(cache, KEY, LARGE, tmp_path)
    assert found(cache, KEY) == LARGE
    with cache.held() as held:
        entry = cache.restore(KEY, held / "it")
        assert entry is not None
        assert entry.files["table"].stat().st_ino == file.stat().st_ino
        assert file.stat().st_mode & 0o777 == 0o444
    assert list((tmp_path / "cache" / "held").iterdir()) == []


def test_small_files_stay_the_runs_own(tmp_path: Path) -> None:
    cache = StageCache(tmp_path / "cache", 1)
    made(cache, KEY, "content", tmp_path).write_text("edited")
    with cache.held() as held:
        entry = cache.restore(KEY, held / "it")
        assert entry is not None
        assert entry.files["table"].read_text() == "content"
        entry.files["table"].write_text("edited")
    assert found(cache, KEY) == "content"


def test_where_there_are_no_links_there_are_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    cache = StageCache(tmp_path / "cache", 1)
    file = made(cache, KEY, LARGE, tmp_path)
    assert found(cache, KEY) == LARGE
    assert (file.stat().st_nlink, file.stat().st_mode & 0o777) == (1, 0o644)


@pytest.mark.parametrize("damage", ["gone", "short", "edited", "manifest", "used"])
def test_a_damaged_entry_is_computed_again(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = StageCache(tmp_path / "cache", 1)
    made(cache, KEY, "content", tmp_path / "a")
    entry = tmp_path / "cache" / "entries" / KEY
    file = entry / "files" / "table"
    match damage:
        case "gone":
            file.unlink()
        case "manifest":
            (entry / "manifest.json").write_text('{"files": {"table"')
        case "used":
            (entry / "used").unlink()
        case "short" | "edited":
            file.chmod(0o644)
            file.write_text("con" if damage == "short" else "CONTENT")
            os.utime(file, ns=(1, 1))
    assert found(cache, KEY) is None
    assert "damaged" in caplog.text
    made(cache, KEY, "content", tmp_path / "b")
    assert found(cache, KEY) == "content"


def test_a_disk_that_is_full_costs_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = StageCache(tmp_path / "cache", 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module, "link", full)
    (tmp_path / "file").write_text("content")
    with cache.computing(KEY, "it"):
        assert not cache.store(KEY, {"table": tmp_path / "file"}, None)
    assert "No space left" in caplog.text
    assert list((tmp_path / "cache" / "entries").iterdir()) == []


def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    cache = StageCache(tmp_path / "cache", 7e-6)  # three entries of some 2.1 kB
    keys = [f"{number:03d}" for number in range(4)]
    for number, key in enumerate(keys[:3]):
        made(cache, key, key * 350, tmp_path)
        used = tmp_path / "cache" / "entries" / key / "used"
        os.utime(used, ns=(number, number))
    assert found(cache, keys[0]) is not None  # and so used last
    made(cache, keys[3], keys[3] * 350, tmp_path)
    assert [found(cache, key) is not None for key in keys] == [True, False, True, True]
    assert cache.size() <= cache.max_bytes


def test_what_is_larger_than_the_limit_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = StageCache(tmp_path / "cache", 1e-6)
    (tmp_path / "file").write_bytes(bytes(2000))
    with caplog.at_level(logging.INFO), cache.computing(KEY, "it"):
        assert not cache.store(KEY, {"table": tmp_path / "file"}, None)
    assert "superior.cache_gb" in caplog.text


def test_what_a_run_has_taken_outlives_its_eviction(tmp_path: Path) -> None:
    cache = StageCache(tmp_path / "cache", 3e-6)
    made(cache, KEY, "a" * 1000, tmp_path / "x")
    shutil.rmtree(tmp_path / "x")
    with cache.held() as held:
        entry = cache.restore(KEY, held / "it")
        assert entry is not None
        made(cache, OTHER, "b" * 1000, tmp_path / "x")
        assert found(cache, KEY) is None
        assert entry.files["table"].read_text() == "a" * 1000


def compute_once(pipe: Connection, folder: Path, output: Path) -> None:
    """Says `ready`; then comes by the entry, and says how."""
    cache = StageCache(folder, 1)
    pipe.send("ready")
    pipe.recv()
    with cache.computing(KEY, "it"):
        text = found(cache, KEY)
        if text is None:
            output.mkdir()
            (output / "file").write_text("content")
            files = {"table": output / "file", "sub/part": output / "file"}
            cache.store(KEY, files, {"said": "content"})
        pipe.send(text)


def test_of_two_processes_one_computes(tmp_path: Path) -> None:
    with (
        process(compute_once, tmp_path / "cache", tmp_path / "a") as (one, _),
        process(compute_once, tmp_path / "cache", tmp_path / "b") as (two, _),
    ):
        for pipe in (one, two):
            assert pipe.recv() == "ready"
        for pipe in (one, two):
            pipe.send("go")
        assert {one.recv(), two.recv()} == {None, "content"}


def hang_inside(pipe: Connection, folder: Path, output: Path) -> None:
    """Is in the middle of writing the entry when it says so, and stays there."""
    cache = StageCache(folder, 1)
    (output / "file").write_text("content")

    def hang(*_: object) -> None:
        pipe.send("inside")
        pipe.recv()

    original = cache_module.link
    cache_module.link = lambda *paths: (original(*paths), hang())[0]  # type: ignore[assignment]
    with cache.held() as held, cache.computing(KEY, "it"):
        (held / "value").write_text("half")
        cache.store(KEY, {"table": output / "file"}, None)


def test_when_the_one_that_computes_is_killed_another_does(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with (
        process(hang_inside, folder, tmp_path) as (first, pid),
        process(compute_once, folder, tmp_path / "b") as (second, _),
    ):
        assert first.recv() == "inside"
        assert second.recv() == "ready"
        second.send("go")
        assert not second.poll(0.2)  # it waits for the first
        os.kill(pid, signal.SIGKILL)
        assert second.recv() is None
    assert found(StageCache(folder, 1), KEY) == "content"
    made(StageCache(folder, 1), OTHER, "other", tmp_path)
    assert [path.name for path in (folder / "held").iterdir()] == []
    assert sorted(path.name for path in (folder / "entries").iterdir()) == [KEY, OTHER]


def work_hard(pipe: Connection, folder: Path, output: Path, seed: int) -> None:
    """Forty times: some key from the cache, or computed; what it finds is what belongs there."""
    cache = StageCache(folder, 20e-6)
    wrong = computed = 0
    for number in range(40):
        key = f"{(number * 7 + seed * 5) % 13:03d}"
        text = key * 500  # 1.5 kB, twice: a dozen and more do not fit
        if (there := found(cache, key)) is None:
            made(cache, key, text, output)
            computed += 1
        elif there != text:
            wrong += 1
    pipe.send((wrong, computed))


def test_evicted_under_their_eyes(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with (
        process(work_hard, folder, tmp_path / "a", 0) as (one, _),
        process(work_hard, folder, tmp_path / "b", 1) as (two, _),
        process(work_hard, folder, tmp_path / "c", 2) as (three, _),
    ):
        told = [pipe.recv() for pipe in (one, two, three)]
    assert [wrong for wrong, _ in told] == [0, 0, 0]
    assert sum(computed for _, computed in told) > 13  # there were evictions
    cache = StageCache(folder, 20e-6)
    assert cache.size() <= cache.max_bytes
    for entry in (folder / "entries").iterdir():
        manifest = json.loads((entry / "manifest.json").read_text())
        assert sorted(manifest["files"]) == ["sub/part", "table"]
