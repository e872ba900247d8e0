"""Scores on the documents of each value of a metadata field: each party, each site."""

from typing import Any

import numpy as np
import polars as pl

from app.config.ideo.analysis import Analysis
from app.pipelines.ideo import metrics
from app.pipelines.ideo.judged import model_names
from app.pipelines.ideo.metrics import Counts

NOT_GIVEN = "(not given)"  # the value of a field that a document does not have


def score_by_field(
    predictions: pl.DataFrame, judged: pl.DataFrame, analysis: Analysis
) -> dict[str, dict[str, Any]]:
    """metrics_by_<field>.json of each model: its scores on the documents of each value."""
    names = model_names(predictions)
    return {
        f"{name}/{field}": _by_value(judged, field, predictions[name])
        for field in analysis.compare_by
        for name in names
    }


def _by_value(judged: pl.DataFrame, field: str, predicted: pl.Series) -> dict[str, Any]:
    """Scores on the documents of each value of a field, most documents first."""
    values = judged[f"by {field}"].fill_null(NOT_GIVEN)
    names, labels = metrics.label_set(values), metrics.label_set(judged["label"], predicted)
    where = metrics.encode(values, names)
    true, guessed = metrics.encode(judged["label"], labels), metrics.encode(predicted, labels)
    hits = _table(where, true, len(names), len(labels), true == guessed)
    support = _table(where, true, len(names), len(labels))
    chosen = _table(where, guessed, len(names), len(labels))
    n_docs, macro = support.sum(axis=1), metrics.macro_f1_of(hits, chosen, support)
    scored = [
        {
            "value": name,
            "n_docs": int(n_docs[place]),
            "accuracy": float(hits[place].sum() / n_docs[place]),
            "macro_f1": float(macro[place]),
            "label_counts": {
                label: int(n) for label, n in zip(labels, support[place], strict=True) if n
            },
        }
        for place, name in enumerate(names)
    ]
    return {"field": field, "values": sorted(scored, key=lambda row: -row["n_docs"])}


def _table(
    rows: Counts, columns: Counts, n_rows: int, n_columns: int, where: Any = slice(None)
) -> Counts:
    cells = (rows * n_columns + columns)[where]
    return np.bincount(cells, minlength=n_rows * n_columns).reshape(n_rows, n_columns)
