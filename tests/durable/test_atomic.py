"""Files and folders are whole or absent, whatever happens while they are written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.durable.atomic import atomic_file, atomic_folder, write_text


def test_a_file_appears_with_its_content(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "one\n")
    write_text(tmp_path / "deep" / "a.txt", "two\n")
    assert (tmp_path / "deep" / "a.txt").read_text() == "two\n"
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for names in (["a", "b"], ["c"]):
        with atomic_folder(folder) as partial:
            for name in names:
                (partial / name).write_text(name)
    assert [file.name for file in folder.iterdir()] == ["c"]
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_an_error_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with atomic_folder(folder) as partial:
        (partial / "a").write_text("a")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as partial:
        (partial / "b").write_text("b")
        raise ZeroDivisionError
    assert [file.name for file in folder.iterdir()] == ["a"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    with atomic_folder(folder) as partial:
        (partial / "a").write_text("a")
    real = os.replace

    def fails_for_the_new(source: Path, destination: Path) -> None:
        if str(source).endswith(".partial"):
            raise OSError(28, "No space left on device", str(destination))
        real(source, destination)

    monkeypatch.setattr(os, "replace", fails_for_the_new)
    with pytest.raises(OSError, match="No space"), atomic_folder(folder) as partial:
        (partial / "b").write_text("b")
    assert [file.name for file in folder.iterdir()] == ["a"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from app.durable.atomic import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2  # the old file, and what the killed writer left
    write_text(path, "new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_whose_writer_died_between_renames_is_back(tmp_path: Path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    old = tmp_path / f".model.{gone}-0a1b2c3d.old"
    old.mkdir()
    (old / "a").write_text("a")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "model") as partial:
        (partial / "b").write_text("b")
        raise ZeroDivisionError
    assert [file.name for file in (tmp_path / "model").iterdir()] == ["a"]


def test_files_that_are_not_ours_are_left(tmp_path: Path) -> None:
    mine = tmp_path / ".a.txt.99999999-notes.md"  # looks like a leftover of a process long gone
    mine.write_text("mine")
    write_text(tmp_path / "a.txt", "new")
    assert mine.read_text() == "mine"
