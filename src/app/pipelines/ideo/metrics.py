"""How well predicted labels meet the true ones: accuracy, F1, the confusion matrix.

Conventions, the same everywhere in this study:
- rows of a confusion matrix are true labels, columns predicted ones, both in sorted order;
- a ratio over nothing (the precision of a label never predicted) is 0;
- macro-F1 is the plain mean of F1 over the labels that occur among the true ones. A label that
  is only predicted costs the others their precision or recall, and has no F1 of its own.
Definitions: Manning, Raghavan, Schuetze (2008), Introduction to Information Retrieval, ch. 8, 13.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

CONVENTION = "macro-F1 is the mean F1 over the labels that occur among the evaluated documents"


class ClassScores(TypedDict):
    """One row of a classification report."""

    precision: float
    recall: float
    f1: float
    support: int


class ClassificationReport(TypedDict):
    labels: dict[str, ClassScores]
    macro_avg: ClassScores
    weighted_avg: ClassScores
    accuracy: float


def encode(values: pl.Series, labels: Sequence[str]) -> NDArray[np.int64]:
    """Positions of the values in `labels`."""
    return values.cast(pl.Enum(labels)).to_physical().cast(pl.Int64).to_numpy()


def label_set(*columns: pl.Series) -> list[str]:
    """Every label that occurs in any of the columns, sorted."""
    return sorted(set().union(*(column.unique().to_list() for column in columns)))


def confusion_matrix(truth: Counts, predicted: Counts, n_labels: int) -> Counts:
    """(n_labels, n_labels) counts of encoded labels: row true, column predicted."""
    cells = np.bincount(truth * n_labels + predicted, minlength=n_labels * n_labels)
    return cells.reshape(n_labels, n_labels).astype(np.int64)


def accuracy(counts: Counts) -> float:
    """Share of the documents on the diagonal."""
    return _ratio(np.trace(counts), counts.sum()).item()


def macro_f1(counts: Counts) -> float:
    """Mean F1 over the labels with true documents."""
    return macro_f1_of(np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)).item()


def macro_f1_of(
    hits: NDArray[np.generic], predicted: NDArray[np.generic], true: NDArray[np.generic]
) -> Floats:
    """Macro-F1 from counts per label on the last axis; the leading axes are separate samples.

    F1 = 2 hits / (predicted + true), which is the harmonic mean of precision and recall.
    """
    occurs = np.greater(true, 0)
    f1 = _ratio(2 * np.asarray(hits, dtype=np.float64), np.add(predicted, true, dtype=np.float64))
    return _ratio(np.where(occurs, f1, 0.0).sum(axis=-1), occurs.sum(axis=-1))


def classification_report(labels: Sequence[str], counts: Counts) -> ClassificationReport:
    """Per-label precision, recall, F1 and support, and their means over the true labels."""
    hits, predicted, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    table = np.stack(
        [_ratio(hits, predicted), _ratio(hits, true), _ratio(2 * hits, predicted + true)]
    )
    occurs, total = true > 0, int(true.sum())
    macro = table[:, occurs].mean(axis=1) if total else np.zeros(3)
    weighted = (table * true).sum(axis=1) / total if total else np.zeros(3)
    return {
        "labels": {
            label: _class_scores(table[:, place], int(true[place]))
            for place, label in enumerate(labels)
        },
        "macro_avg": _class_scores(macro, total),
        "weighted_avg": _class_scores(weighted, total),
        "accuracy": accuracy(counts),
    }


def report_text(report: ClassificationReport, notes: Iterable[str] = ()) -> str:
    """The report in the layout scikit-learn users know, and the notes under it."""
    rows = dict(report["labels"])
    width = max(len(name) for name in [*rows, "weighted avg"])
    total = report["macro_avg"]["support"]
    lines = [
        " " * width + "  precision    recall  f1-score   support",
        "",
        *(_report_line(label, scores, width) for label, scores in rows.items()),
        "",
        f"{'accuracy':>{width}}  {'':>9} {'':>9} {report['accuracy']:>9.2f} {total:>9}",
        _report_line("macro avg", report["macro_avg"], width),
        _report_line("weighted avg", report["weighted_avg"], width),
    ]
    remarks = [f"note: {note}" for note in notes]
    return "\n".join([*lines, *([""] if remarks else []), *remarks]) + "\n"


def _report_line(name: str, scores: ClassScores, width: int) -> str:
    numbers = " ".join(f"{scores[key]:>9.2f}" for key in ("precision", "recall", "f1"))
    return f"{name:>{width}}  {numbers} {scores['support']:>9}"


def _class_scores(values: Floats, support: int) -> ClassScores:
    precision, recall, f1 = (float(value) for value in values)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


def _ratio(above: object, below: object) -> Floats:
    """above / below, and 0 where there is nothing below."""
    numerator = np.asarray(above, dtype=np.float64)
    denominator = np.asarray(below, dtype=np.float64)
    out = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
