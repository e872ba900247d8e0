"""Unchanged stages once: a run that takes them from the cache equals one that does not."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from whole_run import SVM, corpus, files, mine, two_classes, whole_run

from app.datasets.json import JsonDataset
from app.run import PROJECT
from app.stages import runner as stage_runner
from app.stages.runner import CACHED, StageRunner
from app.sweep.cache import StageCache
from app.sweep.outcome import CACHED as CACHED_STAGES

ONE_SPACY = [
    "models=[tfidf_svm_quick,spacy_bow_quick]",
    *SVM[1:],
    "models.spacy_bow_quick.epochs=1",
]
SHARED = ["read_corpora", "label_documents", "screen_documents", "split_documents"]
BALANCED = ["balance_train", "train_rows", "describe_view", "describe_formats"]
BALANCED += ["format_sklearn", "format_spacy", "format_hf"]
PREPARED = {*SHARED, *BALANCED, "job_rows"}


class Sweep:
    """Runs with one stage cache, each in a folder of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.cold: dict[str, bytes] = {}  # the files of the first run
        self.source = folder / "corpus.xml"
        self.source.write_text(corpus(two_classes()), encoding="utf-8")
        self.overrides = [*ONE_SPACY, *mine(self.source)]

    def run(self, name: str, *changes: str, cache: bool = True) -> dict[str, bytes]:
        """The run's files, but for those that tell how it went."""
        root = self.folder / name
        with self.patch.context() as patch:
            if cache:
                patch.setenv("SUPERIOR_STAGE_CACHE", str(self.folder / "cache"))
                patch.setenv("SUPERIOR_RECORD", str(root / "record.jsonl"))
            whole_run(root, *self.overrides, *changes)
        return without_telling(root)

    def restored(self, name: str) -> set[str]:
        names = told(self.folder / name)
        assert len(set(names)) == len(names)
        return set(names)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        found = Sweep(tmp_path_factory.mktemp("sweep"), patch)
        found.cold = found.run("cold")
        assert found.restored("cold") == set()
        yield found


def test_files_are_those_of_a_run_without_cache(sweep: Sweep) -> None:
    alone = sweep.run("alone", cache=False)
    warm = sweep.run("warm")
    assert any(name.endswith("spacy") for name in alone)
    assert sweep.restored("warm") == PREPARED
    assert sweep.cold == alone
    assert warm == alone
    assert sweep.run("warm") == alone  # over files that are links already


@pytest.mark.parametrize(
    ("change", "shared"),
    {
        "models.tfidf_svm_quick.estimator.C=0.5": PREPARED,
        "hardware.max_train_docs_spacy=10": PREPARED,
        "balance=class_weights": {*SHARED, "job_rows"},
        "split.train_prop=0.7": set(SHARED[:3]),
        "filters.min_chars=5": set(SHARED[:2]),
        "view.unknown.policy=other": {"read_corpora"},
        "filters.tokenizer=simple": set(),
    }.items(),
)
def test_runs_share_what_does_not_differ(change: str, shared: set[str], sweep: Sweep) -> None:
    name = change.replace("=", "_")
    varied = sweep.run(name, change, "pipeline=prepare")
    assert sweep.restored(name) == shared
    assert varied == sweep.run(f"{name}_alone", change, "pipeline=prepare", cache=False)


def test_other_families_share_all_but_formats(sweep: Sweep) -> None:
    sweep.run("one_family", "models=[tfidf_nb]", "pipeline=prepare", *no_quick())
    formats = {name for name in PREPARED if "format" in name}
    assert sweep.restored("one_family") == PREPARED - formats


def no_quick() -> list[str]:
    """Takes back what the sweep says of models this run has not."""
    return ["~models.tfidf_svm_quick", "~models.spacy_bow_quick"]


def test_tracking_is_told_the_same(sweep: Sweep) -> None:
    sweep.run("told", "pipeline=prepare")
    warm, cold = (
        [
            {key: value for key, value in json.loads(line).items() if "path" not in key}
            for line in (sweep.folder / name / "record.jsonl").read_text().splitlines()
            if json.loads(line)["do"] in ("artifact", "data")
        ]
        for name in ("told", "cold")
    )
    assert [message["do"] for message in warm] == ["data", "artifact"]
    assert warm == cold[:2]


def test_lines_say_where_results_come_from(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="app"):
        sweep.run("lines", "pipeline=prepare")
    assert "[ 4/13] screen_documents             from the cache" in caplog.messages
    lines = [line for line in caplog.messages if line.startswith("[")]
    assert [int(line[1:3]) for line in lines] == list(range(1, 14))
    (seen,) = [line for line in caplog.messages if "documents seen" in line]
    assert seen.startswith("24 documents seen = 24 kept")


def test_a_changed_corpus_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(tmp_path, monkeypatch)
    sweep.run("before", "pipeline=prepare")
    state = sweep.source.stat()
    content = sweep.source.read_text(encoding="utf-8")
    sweep.source.write_text(content.replace("publique", "politiqu"), encoding="utf-8")
    os.utime(sweep.source, ns=(state.st_atime_ns, state.st_mtime_ns))
    sweep.run("after", "pipeline=prepare")
    assert sweep.restored("after") == set()


def test_nothing_is_kept_of_sources_that_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = Sweep(tmp_path, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(stage_runner, "has_changed", lambda: True)
        sweep.run("edited", "pipeline=prepare")
    sweep.run("next", "pipeline=prepare")
    assert sweep.restored("next") == set()


@pytest.mark.parametrize("node", [3, 9])
def test_a_run_that_is_killed_leaves_a_cache_to_go_on_with(node: int, tmp_path: Path) -> None:
    source = tmp_path / "corpus.xml"
    source.write_text(corpus(two_classes()), encoding="utf-8")
    whole_run(tmp_path / "alone", *SVM, *mine(source), "pipeline=prepare")
    with running("killed", source, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith(f"[{node:2d}/"):
                run.kill()
    assert run.wait(60) == -signal.SIGKILL
    with running("next", source) as run:
        assert run.wait(60) == 0
    assert set(told(tmp_path / "next")) >= set(SHARED[: node - 1])
    assert without_telling(tmp_path / "next") == files(tmp_path / "alone")


def test_two_runs_at_once_compute_each_node_once(tmp_path: Path) -> None:
    source = tmp_path / "corpus.xml"
    source.write_text(corpus(two_classes()), encoding="utf-8")
    with running("one", source) as one, running("two", source) as two:
        assert [one.wait(120), two.wait(120)] == [0, 0]
    assert sorted([*told(tmp_path / "one"), *told(tmp_path / "two")]) == sorted(PREPARED)
    assert without_telling(tmp_path / "one") == without_telling(tmp_path / "two")


def running(name: str, source: Path, **how: Any) -> subprocess.Popen[Any]:
    """A process that prepares the corpus `source`, in the folder `name` beside it."""
    root = source.parent / name
    command = [sys.executable, "-m", "app", "tracking=off", "pipeline=prepare"]
    environment = {
        "SUPERIOR_STAGE_CACHE": str(source.parent / "cache"),
        "SUPERIOR_RECORD": str(root / "record.jsonl"),
    }
    return subprocess.Popen(
        [*command, *SVM, *mine(source), f"output_root={root}"],
        cwd=PROJECT,
        env={**os.environ, **environment},
        **how,
    )


def told(root: Path) -> list[str]:
    names: list[str] = json.loads((root / CACHED_STAGES).read_text())
    return names


def without_telling(root: Path) -> dict[str, bytes]:
    """The files of a run, but for those that tell how it went."""
    telling = {CACHED_STAGES, "record.jsonl"}
    return {name: content for name, content in files(root).items() if name not in telling}


# Values between nodes, with a pipeline of the test's own.
TABLE = pl.DataFrame(
    {
        "id": ["a", None],
        "group": pl.Series([1, None], dtype=pl.UInt32),
        "kind": pl.Series(["x", "y"], dtype=pl.Categorical),
        "share": [0.1, float("nan")],
    }
)


def run_nodes(cache: Path, catalog: DataCatalog, *nodes: Node) -> list[str]:
    """Names of the nodes that came from the cache."""
    runner = StageRunner(StageCache(cache, 1))
    runner.run(Pipeline(list(nodes)), catalog)
    return runner.restored


def make_table(number: int) -> pl.DataFrame:
    return TABLE.head(number)


def count_rows(table: pl.DataFrame) -> int:
    return len(table)


def make_set(number: int) -> set[int]:
    return {number}


def given(**values: Any) -> DataCatalog:
    named = {name.replace("__", ":"): value for name, value in values.items()}
    return DataCatalog({name: MemoryDataset(value) for name, value in named.items()})


def cached(work: Callable[..., Any], inputs: str, output: str) -> Node:
    return Node(work, inputs, output, name=work.__name__, tags=CACHED)


def test_values_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    nodes = [cached(make_table, "params:n", "table"), cached(count_rows, "table", "rows")]
    assert run_nodes(tmp_path, given(params__n=2), *nodes) == []
    for entry in (tmp_path / "entries").glob("*/files/table"):
        entry.chmod(0o644)
    catalog = given(params__n=2)
    assert run_nodes(tmp_path, catalog, *nodes) == ["make_table", "count_rows"]
    assert catalog.load("rows") == 2
    with pytest.raises(Exception, match="has not been saved"):
        catalog.load("table")
    assert run_nodes(tmp_path, given(params__n=1), *nodes) == []


def test_a_table_comes_back_with_its_types(tmp_path: Path) -> None:
    node = cached(make_table, "params:n", "table")
    for restored in ([], ["make_table"]):
        catalog = given(params__n=2)
        assert run_nodes(tmp_path, catalog, node) == restored
        table = catalog.load("table")
        assert table.equals(TABLE)
        assert table.schema == TABLE.schema


def test_a_value_of_another_kind_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = cached(make_set, "params:n", "found")
    with caplog.at_level(logging.INFO, logger="app"):
        for _ in range(2):
            assert run_nodes(tmp_path, given(params__n=2), node) == []
    assert "make_set is not kept: found is a set" in caplog.text


def test_an_input_that_changed_meanwhile_makes_no_entry(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = JsonDataset(str(tmp_path / "source.json"))
    source.save([1])

    def edited(read: list[int]) -> int:
        source.save([2])
        return len(read)

    nodes = [cached(edited, "source", "n"), cached(make_table, "n", "table")]
    with caplog.at_level(logging.INFO, logger="app"):
        run_nodes(tmp_path, DataCatalog({"source": source}), *nodes)
    assert "source changed while it was read" in caplog.text
    assert list((tmp_path / "entries").iterdir()) == []


def test_an_input_without_content_key_is_run(tmp_path: Path) -> None:
    for _ in range(2):
        assert run_nodes(tmp_path, given(table=TABLE), cached(count_rows, "table", "rows")) == []
    assert list((tmp_path / "entries").iterdir()) == []
