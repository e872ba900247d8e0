"""Labels, their balance and their absence, followed from the config to metrics and report."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from whole_run import (
    SVM,
    corpus,
    document,
    meta_view,
    metrics,
    mine,
    side,
    two_classes,
    whole_run,
)

from app.datasets.models import read_card

WEB = ["models=[tfidf_svm_quick,tfidf_logreg]", "filters.max_docs_global=300"]
BALANCES = {
    "none": ["balance=none"],
    "class_weights": ["balance=class_weights"],
    "cap_docs": ["balance=cap_docs", "balance.cap_per_label=90"],
    "cap_docs filled": ["balance=cap_docs", "balance.cap_per_label=130", "balance.oversample=true"],
    "cap_tokens": ["balance=cap_tokens", "balance.cap_tokens_per_label=3000"],
    "alpha_total": ["balance=alpha_total", "balance.preset=uniform_small"],
    "oversample": ["balance=oversample"],
}


def labels(table: pl.DataFrame) -> Counter[Any]:
    return Counter(table["label"])


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The name of a balance -> the folder of its whole run."""
    folder = tmp_path_factory.mktemp("balances")
    roots = {name: folder / name.replace(" ", "_") for name in BALANCES}
    for name, root in roots.items():
        whole_run(root, *WEB, *BALANCES[name])
    return roots


def test_each_balance_reaches_the_training_side(balanced: dict[str, Path]) -> None:
    """Strategies and presets that did nothing gave every run the same numbers."""
    train = {name: labels(side(root, "train")) for name, root in balanced.items()}
    plain = train["none"]
    assert train["class_weights"] == plain
    assert train["cap_docs"] == {"left": 90, "right": 90}
    assert train["cap_docs filled"] == {"left": 130, "right": 130}
    assert train["alpha_total"] == {"left": 1000, "right": 1000}
    assert len(set(plain.values())) == 2
    assert train["oversample"] == dict.fromkeys(plain, max(plain.values()))
    texts = side(balanced["cap_tokens"], "train")
    tokens = texts.group_by("label").agg(pl.col("text").str.split(" ").list.len().sum())
    assert 2000 < tokens["text"].min() <= tokens["text"].max() <= 3000
    cards = {name: card(root) for name, root in balanced.items()}
    assert {name: one["n_train_docs"] for name, one in cards.items()} == {
        name: sum(counts.values()) for name, counts in train.items()
    }


def test_no_balance_touches_the_job_side(balanced: dict[str, Path]) -> None:
    job = side(balanced["none"], "job")
    for name, root in balanced.items():
        assert side(root, "job").equals(job)
        assert not job["id"].str.contains("#dup").any()
        assert meta_view(root)["label_counts_job"] == labels(job)
        copies = side(root, "train").filter(pl.col("id").str.contains("#dup"))
        assert (len(copies) > 0) == (name in ("cap_docs filled", "alpha_total", "oversample"))


def test_no_two_balances_give_the_same_model(balanced: dict[str, Path]) -> None:
    """`none` and `oversample` agreed to sixteen digits in the earlier system."""
    assert len({card(root)["identity"]["hash"] for root in balanced.values()}) == len(BALANCES)
    assert len({model_bytes(root) for root in balanced.values()}) == len(BALANCES)


def test_class_weights_of_the_balance_reach_the_models(balanced: dict[str, Path]) -> None:
    """`balance=class_weights` changed nothing for models that were not told to look."""
    weighted = balanced["class_weights"]
    counts = labels(side(weighted, "train"))
    expected = {label: sum(counts.values()) / (2 * n) for label, n in sorted(counts.items())}
    assert card(weighted)["class_weights"] == pytest.approx(expected)
    assert meta_view(weighted)["label_weights"] == pytest.approx(expected)
    assert card(weighted, "tfidf_logreg")["class_weights"] == pytest.approx(expected)
    for model_id in ("tfidf_svm_quick", "tfidf_logreg"):
        assert card(balanced["none"], model_id)["class_weights"] is None
        assert model_bytes(weighted, model_id) != model_bytes(balanced["none"], model_id)


@pytest.mark.parametrize("policy", ["drop", "keep", "other"])
def test_unknown_labels_by_policy_to_the_end(tmp_path: Path, policy: str) -> None:
    known = ["view.mapping={rouge:left,bleu:right}", f"view.unknown.policy={policy}"]
    file = tmp_path / "corpus.xml"
    strangers = [document(f"v{n}", "Vert-Pré", f"texte vert numéro {n}") for n in range(6)]
    file.write_text(corpus([*two_classes(), *strangers]), encoding="utf-8")
    root = tmp_path / "out"
    whole_run(root, *SVM, *mine(file), *known)
    expected = {"drop": {"left", "right"}, "keep": {"left", "right", "vert_pre"}}
    wanted = expected.get(policy, {"left", "right", "other"})
    assert set(side(root, "train")["label"]) == set(side(root, "job")["label"]) == wanted
    assert meta_view(root)["dropped"] == ({"unknown label": 6} if policy == "drop" else {})
    assert set(metrics(root, "tfidf_svm_quick")["confusion_matrix"]["labels"]) == wanted


def test_a_label_with_one_document_is_named_everywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It vanished from the evaluation of the earlier system, which then reported accuracy 1.0."""
    file = tmp_path / "corpus.xml"
    file.write_text(corpus([*two_classes(), document("alone", "vert", "texte vert")]), "utf-8")
    root = tmp_path / "out"
    whole_run(root, *SVM, *mine(file))
    assert "the job side has no document of: vert" in caplog.text
    assert meta_view(root)["missing_classes"] == {"job": ["vert"], "train": []}
    assert metrics(root, "tfidf_svm_quick")["classes"]["absent_from_job"] == ["vert"]
    warning = "vert: trained on, but no document to evaluate"
    for name in ("report.md", "report.html", "classification_report.txt"):
        (page,) = root.rglob(name)
        assert warning in page.read_text(encoding="utf-8")


def test_max_docs_global_keeps_the_proportions(tmp_path: Path) -> None:
    """It took the documents of the first crawls: 32/68 became 90/10."""
    first = [document(f"a{n}", "rouge", f"texte rouge {n}", "une") for n in range(320)]
    then = [document(f"b{n}", "bleu", f"texte bleu {n}", "deux") for n in range(680)]
    file = tmp_path / "corpus.xml"
    file.write_text(corpus([*first, *then]), encoding="utf-8")
    chosen = ["pipeline=prepare", "models=[check]", "filters.max_docs_global=400"]
    both = []
    for seed in (0, 42):
        whole_run(tmp_path / f"out{seed}", *mine(file), *chosen, f"seed={seed}")
        sides = [side(tmp_path / f"out{seed}", name) for name in ("train", "job")]
        both.append(pl.concat(sides))
        assert len(both[-1]) == 400
        assert 0.26 < labels(both[-1])["rouge"] / 400 < 0.38  # 2.6 standard deviations
    assert set(both[0]["id"]) != set(both[1]["id"])


def test_seed_zero_is_a_seed_of_its_own_to_the_end(tmp_path: Path) -> None:
    """Seed 0 and no seed both meant 42, and spaCy ignored the seed, in the earlier system."""
    spacy = ["models=[spacy_bow_quick]", "models.spacy_bow_quick.epochs=1"]
    choice = [*spacy, "filters.max_docs_global=100"]
    roots = {name: tmp_path / name for name in ("none", "zero", "default")}
    whole_run(roots["none"], *choice)
    whole_run(roots["zero"], *choice, "seed=0")
    whole_run(roots["default"], *choice, "seed=42")
    weights = {}
    for name, root in roots.items():
        (file,) = root.rglob("textcat/model")
        weights[name] = file.read_bytes()
    assert weights["none"] == weights["default"] != weights["zero"]
    assert side(roots["none"], "train").equals(side(roots["default"], "train"))
    assert not side(roots["zero"], "job").equals(side(roots["none"], "job"))
    assert card(roots["zero"], "spacy_bow_quick")["seed"] == 0


def card(root: Path, model_id: str = "tfidf_svm_quick") -> dict[str, Any]:
    (file,) = root.rglob(f"{model_id}/model_card.json")
    return read_card(file.parent)


def model_bytes(root: Path, model_id: str = "tfidf_svm_quick") -> bytes:
    (file,) = root.rglob(f"{model_id}/model.skops")
    return file.read_bytes()
