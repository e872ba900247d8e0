"""Scores against scikit-learn, the reference implementation."""

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference

from app.pipelines.ideo.metrics import (
    accuracy,
    classification_report,
    confusion_matrix,
    encode,
    label_set,
    macro_f1,
    report_text,
)


def guesses(labels: list[str], n: int, seed: int) -> tuple[pl.Series, pl.Series]:
    generator = np.random.default_rng(seed)
    truth = generator.choice(labels, n)
    return pl.Series(truth), pl.Series(
        np.where(generator.random(n) < 0.6, truth, generator.choice(labels, n))
    )


@pytest.mark.parametrize("n_labels", [2, 3, 8, 20])
def test_scores_are_those_of_scikit_learn(n_labels: int) -> None:
    truth, predicted = guesses([f"label {place}" for place in range(n_labels)], 400, n_labels)
    labels = label_set(truth, predicted)
    counts = confusion_matrix(encode(truth, labels), encode(predicted, labels), len(labels))

    assert counts.tolist() == reference.confusion_matrix(truth, predicted, labels=labels).tolist()
    assert accuracy(counts) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert macro_f1(counts) == pytest.approx(reference.f1_score(truth, predicted, average="macro"))
    report = classification_report(labels, counts)
    expected = reference.classification_report(truth, predicted, output_dict=True)
    for label in labels:
        for ours, theirs in (
            ("precision",) * 2,
            ("recall",) * 2,
            ("f1", "f1-score"),
            ("support",) * 2,
        ):
            assert report["labels"][label][ours] == pytest.approx(expected[label][theirs])
    assert report["macro_avg"]["f1"] == pytest.approx(expected["macro avg"]["f1-score"])
    assert report["weighted_avg"]["precision"] == pytest.approx(
        expected["weighted avg"]["precision"]
    )


def test_report_text_has_the_layout_of_scikit_learn() -> None:
    truth, predicted = guesses(["left", "right", "centre"], 90, 1)
    labels = label_set(truth, predicted)
    counts = confusion_matrix(encode(truth, labels), encode(predicted, labels), len(labels))
    text = report_text(classification_report(labels, counts))
    assert text.split() == reference.classification_report(truth, predicted).split()
    assert len({len(line) for line in text.splitlines() if line.strip()}) == 1  # columns line up


def test_macro_f1_is_over_true_labels_only() -> None:
    truth, predicted = pl.Series(["a", "a", "b", "b"]), pl.Series(["a", "only said", "b", "a"])
    labels = label_set(truth, predicted)
    counts = confusion_matrix(encode(truth, labels), encode(predicted, labels), len(labels))
    f1_a, f1_b = 2 * 1 / (2 + 2), 2 * 1 / (1 + 2)
    assert macro_f1(counts) == pytest.approx((f1_a + f1_b) / 2)
    kept = reference.f1_score(truth, predicted, labels=["a", "b"], average="macro")
    assert macro_f1(counts) == pytest.approx(kept)
    assert classification_report(labels, counts)["labels"]["only said"]["support"] == 0


def test_label_never_predicted_scores_zero() -> None:
    counts = np.array([[3, 0], [2, 0]])
    report = classification_report(["a", "b"], counts)
    assert report["labels"]["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 2}


def test_notes_follow_the_report() -> None:
    text = report_text(
        classification_report(["a"], np.array([[2]])), ["b: no document to evaluate"]
    )
    assert text.endswith("\nnote: b: no document to evaluate\n")
