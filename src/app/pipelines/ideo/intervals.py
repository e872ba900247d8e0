"""Bootstrap confidence intervals of accuracy and macro-F1.

The percentile bootstrap (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13):
documents are drawn with replacement, as many as there are, and scored again. Documents with the
same true and predicted labels are interchangeable, so a draw of documents is one multinomial draw
over the cells of the confusion table, whatever the number of documents.

Documents of one speaker or site are not independent. Where a group is named, whole groups are
drawn instead (the cluster bootstrap: Davison & Hinkley 1997, Bootstrap Methods, section 3.8);
documents without a group are groups of one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.pipelines.ideo.metrics import Counts, Floats, macro_f1_of

CELLS_AT_ONCE = 4_000_000  # float64 weights held at a time: 32 MB


@dataclass(frozen=True)
class Bootstrap:
    """How documents are drawn again."""

    samples: int
    confidence: float
    seed: tuple[int, ...]  # of numpy.random.default_rng
    groups: Counts | None = None  # group code of each document; None: documents are drawn

    def n_units(self, n_documents: int) -> int:
        """How many independent things are drawn from."""
        return n_documents if self.groups is None else len(np.unique(self.groups))


@dataclass(frozen=True)
class Replicates:
    """Scores of the drawn samples, (classifiers, samples) each."""

    accuracy: Floats
    macro_f1: Floats


def group_codes(groups: pl.Series) -> Counts:
    """A code for each document's group; every document without one gets its own."""
    alone = pl.int_range(groups.len(), eager=True).cast(pl.String)
    named = (groups == "").fill_null(True)
    keys = pl.select(pl.when(named).then("#" + alone).otherwise("=" + groups)).to_series()
    return keys.rank("dense").cast(pl.Int64).to_numpy() - 1


def interval(replicates: Floats, confidence: float) -> list[float]:
    """[low, high]: the middle `confidence` of the replicates."""
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(replicates, [tail, 1.0 - tail])
    return [float(low), float(high)]


def replicate_scores(
    truth: Counts, predictions: Sequence[Counts], n_labels: int, plan: Bootstrap
) -> Replicates:
    """Scores every classifier on the same drawn samples, so that differences are paired."""
    rows, unit, multiplicity = _units(truth, predictions, n_labels, plan.groups)
    n_units = len(multiplicity)
    true = _tally(unit, truth[rows], n_units, n_labels)
    predicted = [_tally(unit, codes[rows], n_units, n_labels) for codes in predictions]
    hits = [
        _tally(unit[right], truth[rows][right], n_units, n_labels)
        for right in (codes[rows] == truth[rows] for codes in predictions)
    ]
    accuracies: list[Floats] = []
    macro_f1s: list[Floats] = []
    for weights in _draws(multiplicity, plan):
        drawn_true, drawn_hits = weights @ true, [weights @ one for one in hits]
        n_drawn = drawn_true.sum(axis=1)
        accuracies.append(np.stack([one.sum(axis=1) / n_drawn for one in drawn_hits]))
        macro_f1s.append(
            np.stack(
                [
                    macro_f1_of(hit, weights @ guess, drawn_true)
                    for hit, guess in zip(drawn_hits, predicted, strict=True)
                ]
            )
        )
    return Replicates(np.concatenate(accuracies, axis=1), np.concatenate(macro_f1s, axis=1))


def _units(
    truth: Counts, predictions: Sequence[Counts], n_labels: int, groups: Counts | None
) -> tuple[Counts, Counts, Counts]:
    """What is drawn: (documents tallied, the unit of each, how often each unit occurs).

    Without groups the units are the cells of the joint table of true and predicted labels, each
    tallied from one document that stands for all of its cell.
    """
    if groups is not None:
        return np.arange(len(truth)), groups, np.ones(int(groups.max()) + 1, dtype=np.int64)
    cell = truth.copy()
    for codes in predictions:
        _, cell = np.unique(cell * n_labels + codes, return_inverse=True)
    _, first, unit, multiplicity = np.unique(
        cell, return_index=True, return_inverse=True, return_counts=True
    )
    return first, unit[first], multiplicity


def _draws(multiplicity: Counts, plan: Bootstrap) -> Iterator[Floats]:
    """(samples, units) weights, a block of samples at a time: how often each unit was drawn."""
    generator = np.random.default_rng(plan.seed)
    total = int(multiplicity.sum())
    at_once = max(1, CELLS_AT_ONCE // len(multiplicity))
    for start in range(0, plan.samples, at_once):
        block = min(at_once, plan.samples - start)
        yield generator.multinomial(total, multiplicity / total, size=block).astype(np.float64)


def _tally(unit: Counts, labels: Counts, n_units: int, n_labels: int) -> Floats:
    """(units, labels) counts of the documents of each unit."""
    cells: NDArray[np.int64] = np.bincount(unit * n_labels + labels, minlength=n_units * n_labels)
    return cells.reshape(n_units, n_labels).astype(np.float64)
