"""Paired lines, and the published split of R8."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from app.errors import InputError

Read = Callable[..., pl.DataFrame]


def pair(folder: Path, labels: str, texts: str) -> dict[str, str]:
    (folder / "x.txt").write_text(labels, encoding="latin-1")
    (folder / "x.clean.txt").write_text(texts, encoding="latin-1")
    return {"kind": "paired_lines", "texts": str(folder / "x.clean.txt")}


def test_line_i_belongs_to_line_i(tmp_path: Path, read: Read) -> None:
    reader = pair(tmp_path, "7\ttrain\tacq\n8\tr8-test\tearn\nbad line\n", "né  à\nb\x85c\nd\n")
    frame = read(tmp_path / "x.txt", reader, encoding="latin-1")
    assert frame["id"].to_list() == ["c:7", "c:8", "c:3"]
    assert frame["text"].to_list() == ["né à", "b c", ""]
    assert frame["split"].to_list() == ["train", "test", None]
    assert frame["label"].to_list() == ["acq", "earn", None]
    assert frame["place"].to_list() == [None, None, "x.txt, line 3"]


def test_unequal_lengths_are_refused(tmp_path: Path, read: Read) -> None:
    reader = pair(tmp_path, "7\ttrain\tacq\n", "a\nb\n")
    with pytest.raises(InputError, match=r"x\.txt: ends before line 2"):
        read(tmp_path / "x.txt", reader)


def test_a_wrong_encoding_says_so(tmp_path: Path, read: Read) -> None:
    reader = pair(tmp_path, "7\ttrain\tacq\n", "né\n")
    with pytest.raises(InputError, match="set `encoding` of the corpus"):
        read(tmp_path / "x.txt", reader)
