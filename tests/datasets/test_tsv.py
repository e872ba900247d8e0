import hashlib
import subprocess
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from app.datasets.tsv import TsvDataset, tsv_sha256

CELLS = st.one_of(
    st.none(), st.text(max_size=12), st.text(alphabet="\t\n\r\\\"'Nnt, #", max_size=8)
)


def round_trip(table: pl.DataFrame, folder: Path) -> pl.DataFrame:
    dataset = TsvDataset(str(folder / "t.tsv"))
    dataset.save(table)
    return dataset.load().collect()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=12))
def test_whatever_is_written_is_read(rows: list[tuple[str | None, str | None]]) -> None:
    table = pl.DataFrame(rows, schema={"id": pl.String, "text": pl.String}, orient="row")
    with tempfile.TemporaryDirectory() as folder:
        assert round_trip(table, Path(folder)).equals(table)


def test_a_record_is_a_line_and_null_is_not_empty(tmp_path: Path) -> None:
    table = pl.DataFrame({"id": ["1", "2", "3"], "text": ["a\tb\r\nc\\d", None, ""]})
    assert round_trip(table, tmp_path).equals(table)
    written = (tmp_path / "t.tsv").read_text(encoding="utf-8")
    assert written == "id\ttext\n1\ta\\tb\\r\\nc\\\\d\n2\t\\N\n3\t\n"


def test_long_texts_survive(tmp_path: Path) -> None:
    long = '« L"été\t»\n' * 20_000  # 200 kB
    table = pl.DataFrame({"id": [str(n) for n in range(30)], "text": [long] * 30})
    assert round_trip(table, tmp_path).equals(table)


def test_texts_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    table = pl.DataFrame({"id": ["001", "1e5"], "text": ["true", "2013-01-29"]})
    assert round_trip(table, tmp_path).equals(table)


def test_frames_are_one_file_and_its_hash_is_known(tmp_path: Path) -> None:
    table = pl.DataFrame({"id": [str(n) for n in range(25_000)], "text": ["a\tb"] * 25_000})
    dataset = TsvDataset(str(tmp_path / "t.tsv"))
    dataset.save(iter([table.clear(), table[:7], table[7:]]))
    assert dataset.load().collect().equals(table)
    content = (tmp_path / "t.tsv").read_bytes()
    assert tsv_sha256(table) == hashlib.sha256(content).hexdigest()
    assert tsv_sha256(dataset.load()) == hashlib.sha256(content).hexdigest()
    lines = subprocess.run(["wc", "-l", tmp_path / "t.tsv"], capture_output=True, check=True)
    assert int(lines.stdout.split()[0]) == 25_001


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    dataset = TsvDataset(str(tmp_path / "t.tsv"))
    old = pl.DataFrame({"id": ["1"]})
    dataset.save(old)
    with pytest.raises(DatasetError, match="columns change"):
        dataset.save(iter([old, pl.DataFrame({"other": ["1"]})]))
    assert dataset.load().collect().equals(old)
    assert [file.name for file in tmp_path.iterdir()] == ["t.tsv"]


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.tsv does not exist"):
        TsvDataset(str(tmp_path / "none.tsv")).load()


def test_a_table_is_read_in_parts_and_in_order(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"id": [str(n) for n in range(3_000)], "text": ["x" * 2_000] * 3_000, "label": "a"}
    )
    dataset = TsvDataset(str(tmp_path / "t.tsv"))
    dataset.save(table)
    lazy = dataset.load()
    assert lazy.collect().equals(table)
    assert lazy.select("label", "id").collect().equals(table.select("label", "id"))
    assert lazy.filter(pl.col("id") == "2999").collect().height == 1
    assert lazy.head(5).collect().equals(table.head(5))
    assert sum(frame.height for frame in lazy.collect_batches()) == 3_000


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    table = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
    assert round_trip(table, tmp_path).equals(table)
    assert tsv_sha256(TsvDataset(str(tmp_path / "t.tsv")).load()) == tsv_sha256(table)
