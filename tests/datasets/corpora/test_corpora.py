"""Several corpora in one run, and the processes that read them."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from made_corpora import corpus, document

from app.datasets.corpora import CorporaDataset, tasks
from app.datasets.corpora.frames import SeenIds
from app.errors import SuperiorError


def described(path: Path, **reader: Any) -> dict[str, Any]:
    made = {"kind": "classic", **reader}
    return {"path": str(path), "reader": made, "language": "fr", "modality": path.stem}


def test_train_corpora_then_eval_corpora_in_one_schema(tmp_path: Path) -> None:
    fields = {"a": ["domain"], "b": ["crawl"], "e": []}
    corpora = {}
    for name, terms in fields.items():
        (tmp_path / f"{name}.xml").write_text(corpus(document("same")))
        corpora[name] = described(tmp_path / f"{name}.xml", terms=terms)
    dataset = {
        "dataset_id": "ab",
        "corpus_ids": ["b", "a"],
        "merge_mode": "merged",
        "eval_dataset_id": "e",
    }
    loaded = CorporaDataset(corpora, dataset).load()
    frame = pl.concat(loaded.frames())
    assert frame["id"].to_list() == ["b:same", "a:same", "e:same"]
    assert frame["modality"].to_list() == ["b", "a", "e"]
    assert frame.columns[2:6] == ["language", "modality", "crawl", "domain"]
    assert loaded.eval_ids == ("e",)
    assert sorted(loaded.sources()) == ["a:a.xml", "b:b.xml", "e:e.xml"]


def test_sources_change_with_content(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    seen = []
    for name in ("one", "two", "one"):
        file.write_text(corpus(document(name)))
        dataset = {"dataset_id": "a", "corpus_ids": ["a"]}
        seen.append(CorporaDataset({"a": described(file)}, dataset).load().sources()["a:a.xml"])
    assert seen[0] == seen[2] != seen[1]


def large(folder: Path) -> dict[str, Any]:
    text = corpus(*(document(f"d{n}", f"<p>{'mot ' * 500}</p>") for n in range(12_000)))
    (folder / "a.xml").write_text(text)
    assert len(text) > 5 * tasks.RANGE
    return {"a": described(folder / "a.xml")}


def test_no_process_outlives_a_reading_given_up(tmp_path: Path) -> None:
    dataset = {"dataset_id": "a", "corpus_ids": ["a"]}
    frames = CorporaDataset(large(tmp_path), dataset, "whitespace", 2).load().frames()
    next(frames)
    assert len(psutil.Process().children()) == 2
    frames.close()  # type: ignore[attr-defined]
    assert psutil.Process().children() == []


def test_a_killed_worker_is_an_error_not_a_short_corpus(tmp_path: Path) -> None:
    dataset = {"dataset_id": "a", "corpus_ids": ["a"]}
    frames = CorporaDataset(large(tmp_path), dataset, "whitespace", 2).load().frames()
    next(frames)
    os.kill(psutil.Process().children()[0].pid, signal.SIGKILL)
    with pytest.raises(SuperiorError, match="was killed by signal 9"):
        list(frames)


def test_a_process_that_reads_imports_lxml_and_little_else() -> None:
    """Each costs its imports in memory and in time, once a worker and corpus."""
    code = "import sys, app.datasets.corpora.worker; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert "lxml.etree" in loaded
    assert loaded.isdisjoint({"pydantic", "numpy", "polars", "kedro", "app.config.ideo.corpora"})


def test_ids_are_remembered_across_batches() -> None:
    seen = SeenIds()
    for start in range(0, 5000, 100):
        assert not seen.add(pl.Series([f"c:{n}" for n in range(start, start + 100)])).any()
    again = seen.add(pl.Series(["c:0", "new", "c:4999", "new", "c:777"]))
    assert again.tolist() == [True, False, True, True, True]
