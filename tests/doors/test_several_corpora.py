"""Two corpora through whole runs: how they are put together, and one judged by the other."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from whole_run import corpus, meta_view, metrics, mine, side, two_classes, whole_run

from app.errors import LabelError

PROJECT = Path(__file__).parents[2]
PREPARE = [
    "pipeline=prepare",
    "models=[check]",
    "filters.max_docs_global=500",
    "filters.near_duplicates=off",
]


def both_sides(root: Path) -> pl.DataFrame:
    return pl.concat([side(root, "train"), side(root, "job")])


def cells(table: pl.DataFrame) -> Counter[Any]:
    return Counter(table.select("corpus_id", "label").iter_rows())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """merge_mode -> the folder of its run."""
    folder = tmp_path_factory.mktemp("modes")
    roots = {mode: folder / mode for mode in ("merged", "juxtaposed", "separate")}
    for mode, root in roots.items():
        choice = ["dataset=web1_asr1", f"dataset.merge_mode={mode}", "balance=oversample"]
        whole_run(root, *PREPARE, *choice)
    return roots


def test_merged_and_juxtaposed_differ_as_they_say(prepared: dict[str, Path]) -> None:
    """Balanced over the pool, or inside each corpus; in the earlier system modes were one mode."""
    merged = cells(side(prepared["merged"], "train"))
    juxtaposed = cells(side(prepared["juxtaposed"], "train"))
    pool = Counter[str]()
    for (_, label), n in merged.items():
        pool[label] += n
    assert pool["left"] == pool["right"]
    assert merged["web1", "left"] != merged["web1", "right"]
    for corpus_id in ("web1", "asr1"):
        assert juxtaposed[corpus_id, "left"] == juxtaposed[corpus_id, "right"]
    assert not both_sides(prepared["merged"]).equals(both_sides(prepared["juxtaposed"]))


def test_separate_is_one_run_a_corpus(prepared: dict[str, Path]) -> None:
    folders = sorted((prepared["separate"] / "interim").iterdir())
    assert [folder.name for folder in folders] == ["web1_asr1.asr1", "web1_asr1.web1"]
    for folder in folders:
        corpus_id = folder.name.split(".")[1]
        assert set(both_sides(folder)["corpus_id"]) == {corpus_id}
        assert meta_view(folder)["source_corpora"] == [corpus_id]


def test_separate_runs_of_a_sweep_have_files_of_their_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "-m", *PREPARE, "tracking=off", "dataset=web1_asr1"]
    axes = ["dataset.merge_mode=separate", "balance=none,oversample"]
    root = tmp_path / "l'essai"
    ended = subprocess.run(
        [*command, *axes, f'output_root="{root}"'],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = sorted(root.rglob("meta_view.json"))
    assert len(found) == 4
    strategies = sorted(meta_view(file.parent)["balance"]["strategy"] for file in found)
    assert strategies == ["none", "none", "oversample", "oversample"]


@pytest.mark.parametrize("mode", ["merged", "juxtaposed"])
def test_equal_ids_and_texts_of_two_corpora_do_not_mix_the_sides(tmp_path: Path, mode: str) -> None:
    """In the earlier system ids collided, and most evaluation texts were also in training."""
    overrides = []
    for name in ("mine", "other"):
        file = tmp_path / f"{name}.xml"
        file.write_text(corpus(two_classes()), encoding="utf-8")
        overrides += mine(file, name)
    both = ["dataset.dataset_id=both", "dataset.corpus_ids=[mine,other]"]
    alike = [*overrides, *both, f"dataset.merge_mode={mode}", "pipeline=prepare", "models=[check]"]

    whole_run(tmp_path / "all", *alike)
    ids = both_sides(tmp_path / "all")["id"]
    assert len(ids) == ids.n_unique() == 48
    assert {name.split(":")[0] for name in ids} == {"mine", "other"}
    shared = meta_view(tmp_path / "all")["leakage"]["same_text"]
    assert shared["job_docs"] > 0  # told, and dropped when asked
    whole_run(tmp_path / "once", *alike, "filters.dedup_on=text", "split.small_labels=drop")
    texts = both_sides(tmp_path / "once")["text"]
    assert len(texts) == texts.n_unique() == 24


@pytest.mark.parametrize("mode", ["merged", "juxtaposed"])
def test_each_corpus_keeps_its_modality(prepared: dict[str, Path], mode: str) -> None:
    pairs = set(both_sides(prepared[mode]).select("corpus_id", "modality").iter_rows())
    assert pairs == {("web1", "web"), ("asr1", "speech")}


def test_one_dataset_is_judged_by_another_with_sklearn_and_spacy(tmp_path: Path) -> None:
    """With spaCy this crashed in the earlier system."""
    whole_run(
        tmp_path / "out",
        "dataset=web1_on_asr1",
        "models=[tfidf_svm_quick,spacy_bow_quick]",
        "models.spacy_bow_quick.epochs=1",
        "filters.max_docs_global=150",
        "balance=oversample",
    )
    root = tmp_path / "out"
    meta = meta_view(root)
    assert set(meta["corpus_counts"]["train"]) == {"web1"}
    assert set(meta["corpus_counts"]["job"]) == {"asr1"}
    assert meta["modality_counts"]["job"] == {"speech": meta["n_docs_job"]}
    for model_id in ("tfidf_svm_quick", "spacy_bow_quick"):
        assert metrics(root, model_id)["n_eval_docs"] == meta["n_docs_job"]
    assert [folder.name for folder in (root / "interim").iterdir()] == ["web1_on_asr1"]
    page = (root / "reports/web1_on_asr1/ideology_global/report.md").read_text(encoding="utf-8")
    assert "evaluated on asr1" in page


def test_the_dataset_judged_on_is_chosen_on_the_command_line(tmp_path: Path) -> None:
    whole_run(tmp_path / "named", *PREPARE, "dataset=web1_on_asr1")
    whole_run(tmp_path / "out", *PREPARE, "dataset.eval_dataset_id=asr1")
    for name in ("train", "job"):
        assert side(tmp_path / "out", name).equals(side(tmp_path / "named", name))
    whole_run(
        tmp_path / "other",
        *PREPARE,
        "dataset.eval_dataset_id=speech",
        "dataset.eval_corpus_ids=[asr1]",
    )
    assert [folder.name for folder in (tmp_path / "other/interim").iterdir()] == ["web1_on_speech"]


def test_label_sets_that_do_not_meet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="no label in common") as refused:
        whole_run(tmp_path / "out", *PREPARE, "dataset=web1_on_asr1", "view=crawl")
    assert "web1 has the labels" in str(refused.value)
    assert not list((tmp_path / "out").rglob("*.tsv"))
