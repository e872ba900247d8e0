from pathlib import Path

import pytest
from kedro.io import DatasetError

from app.datasets.json import JsonDataset


def test_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    dataset = JsonDataset(str(tmp_path / "a.json"))
    dataset.save({"b": [1, None, 0.1], "a": "é"})
    first = (tmp_path / "a.json").read_bytes()
    dataset.save({"a": "é", "b": [1, None, 0.1]})
    assert (tmp_path / "a.json").read_bytes() == first
    assert first.decode() == '{\n  "a": "é",\n  "b": [\n    1,\n    null,\n    0.1\n  ]\n}\n'
    assert dataset.load() == {"a": "é", "b": [1, None, 0.1]}


def test_what_is_not_json_is_not_written(tmp_path: Path) -> None:
    dataset = JsonDataset(str(tmp_path / "a.json"))
    with pytest.raises(DatasetError, match="not JSON compliant"):
        dataset.save({"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_absent_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.json does not exist"):
        JsonDataset(str(tmp_path / "a.json")).load()
    (tmp_path / "b.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"b\.json is not valid JSON"):
        JsonDataset(str(tmp_path / "b.json")).load()
