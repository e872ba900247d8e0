"""What can be scored without reading a word: the yardsticks beside every model.

- majority: the most frequent label.
- group majority: the most frequent label of the document's own group (its speaker, its site), the
  overall one for groups never seen. It tells how far a model may get by recognising the source.
- length only: the most frequent label among training documents of about the same length.

All are learned on the training side, with each label weighted back to its share before balancing,
since the documents they are judged on keep their natural distribution. Ties go to the label that
sorts first.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from app.pipelines.ideo.intervals import group_codes
from app.pipelines.ideo.metrics import Counts, Floats, encode

LENGTH_BINS = 20
DOCUMENTS_A_BIN = 20  # at least; fewer bins where training documents are few


def predict_majority(
    train: pl.DataFrame, job: pl.DataFrame, natural: Mapping[str, int]
) -> pl.Series:
    """The most frequent training label, for every document."""
    labels, codes, weights = _weighted(train, natural)
    winner = _winners(np.zeros_like(codes), codes, weights, 1, len(labels))
    return _named(labels, np.repeat(winner, job.height))


def predict_group_majority(
    train: pl.DataFrame, job: pl.DataFrame, natural: Mapping[str, int]
) -> pl.Series:
    """The most frequent training label of the document's `group`, else the overall one."""
    labels, codes, weights = _weighted(train, natural)
    groups = group_codes(pl.concat([train["group"], job["group"]]))
    seen, asked = groups[: train.height], groups[train.height :]
    n_groups = int(groups.max()) + 1
    overall = _winners(np.zeros_like(codes), codes, weights, 1, len(labels))
    by_group = _winners(seen, codes, weights, n_groups, len(labels))
    known = np.isin(asked, seen)
    return _named(labels, np.where(known, by_group[asked], overall))


def predict_by_length(
    train: pl.DataFrame, job: pl.DataFrame, natural: Mapping[str, int]
) -> pl.Series:
    """The most frequent label in the document's bin of `n_chars`; bins hold equal numbers of
    training documents."""
    labels, codes, weights = _weighted(train, natural)
    n_bins = min(LENGTH_BINS, max(1, train.height // DOCUMENTS_A_BIN))
    lengths = train["n_chars"].to_numpy()
    edges = np.unique(np.quantile(lengths, np.linspace(0.0, 1.0, n_bins + 1)[1:-1]))
    overall = _winners(np.zeros_like(codes), codes, weights, 1, len(labels))
    seen = np.searchsorted(edges, lengths, side="right")
    by_bin = _winners(seen, codes, weights, len(edges) + 1, len(labels))
    asked = np.searchsorted(edges, job["n_chars"].to_numpy(), side="right")
    return _named(labels, np.where(np.isin(asked, seen), by_bin[asked], overall))


def _weighted(train: pl.DataFrame, natural: Mapping[str, int]) -> tuple[list[str], Counts, Floats]:
    """Sorted labels, the code of each training row, and the natural documents it stands for."""
    labels = sorted(train["label"].unique().to_list())
    codes = encode(train["label"], labels)
    present = np.bincount(codes, minlength=len(labels))
    each = np.array([natural.get(label, 0) for label in labels]) / present
    return labels, codes, each[codes]


def _winners(cells: Counts, codes: Counts, weights: Floats, n_cells: int, n_labels: int) -> Counts:
    """The heaviest label of each cell. Rounded, so that equal sums are equal in any order."""
    sums = np.bincount(cells * n_labels + codes, weights=weights, minlength=n_cells * n_labels)
    return np.asarray(np.round(sums, 9).reshape(n_cells, n_labels).argmax(axis=1))


def _named(labels: Sequence[str], codes: Counts) -> pl.Series:
    return pl.Series([labels[code] for code in codes.tolist()], dtype=pl.String)
