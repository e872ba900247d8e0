"""Stages run alone: each goes on from files of its own config, or stops."""

from pathlib import Path

import pytest
from whole_run import SVM, corpus, files, mine, refusal, two_classes, whole_run

ONE_SPACY = [
    "models=[tfidf_svm_quick,spacy_bow_quick]",
    *SVM[1:],
    "models.spacy_bow_quick.epochs=1",
]


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a whole run, and its overrides."""
    folder = tmp_path_factory.mktemp("studied")
    file = folder / "corpus.xml"
    file.write_text(corpus(two_classes()), encoding="utf-8")
    overrides = [*ONE_SPACY, *mine(file)]
    whole_run(folder / "out", *overrides)
    return folder / "out", overrides


@pytest.mark.parametrize(
    ("change", "stages"),
    {
        "split.train_prop=0.7": "train evaluate report",
        "balance=class_weights": "train evaluate report",
        "view.unknown.policy=other": "train evaluate report",
        "seed=0": "train evaluate report",
        "hardware.max_train_docs_sklearn=10": "evaluate report",
        "hardware.max_train_docs_spacy=10": "evaluate report",
        "hardware.shard_docs=5": "train evaluate report",
        "models.spacy_bow_quick.dropout=0.5": "evaluate report",
        "models.tfidf_svm_quick.estimator.C=0.5": "evaluate report",
        "analysis.bootstrap_samples=500": "report",
        "analysis.compare_by=[class]": "report",
    }.items(),
)
def test_no_stage_uses_files_of_another_config(
    studied: tuple[Path, list[str]], change: str, stages: str
) -> None:
    """Balance and train_prop never reached some stages of the earlier system."""
    root, overrides = studied
    before = files(root)
    for stage in stages.split():
        code, said = refusal(root, *overrides, change, f"pipeline={stage}")
        assert code == 3, f"{stage}: {said}"
        assert "run the stage" in said
    assert files(root) == before


def test_stages_of_the_same_config_change_nothing(studied: tuple[Path, list[str]]) -> None:
    root, overrides = studied
    before = files(root)
    for stage in ("train", "evaluate", "report", "prepare"):
        whole_run(root, *overrides, f"pipeline={stage}")
        assert files(root) == before


def test_a_model_nobody_trained_is_named(studied: tuple[Path, list[str]]) -> None:
    root, overrides = studied
    untrained = [*overrides, "models=tfidf_nb"]
    untrained = [item for item in untrained if "quick" not in item]
    for stage in ("evaluate", "report"):
        code, said = refusal(root, *untrained, f"pipeline={stage}")
        assert (code, "model tfidf_nb has not been trained" in said) == (3, True), said
