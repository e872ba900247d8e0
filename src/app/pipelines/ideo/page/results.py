"""The results of a run in the order a reader wants them: best model first, baselines after."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.config.ideo.analysis import Analysis
from app.config.ideo.models import Models
from app.errors import InputError, StaleInputError

Row = dict[str, Any]

VALUES_SHOWN = 15  # of a field, most documents first
MODELS_SHOWN = 6  # columns of a table by field
SIGNIFICANT = 0.05
BASELINE_NAMES = {
    "majority": "majority label",
    "group_majority": "group majority",
    "length_only": "length only",
}


def ranked_models(
    metrics: Mapping[str, Row], models: Models, identity: Mapping[str, Any]
) -> list[Row]:
    """metrics.json of each configured model, best macro-F1 first, with `key`, `name`, `matrix`.

    Raises InputError where a configured model was not evaluated, StaleInputError where it was
    evaluated on other documents or with another specification.
    """
    rows = []
    for model_id, spec in models.root.items():
        key = f"{spec.family}/{model_id}"
        if key not in metrics:
            raise InputError(f"no metrics of {key}; run the stages train and evaluate first")
        found = metrics[key]
        if found["identity"] != identity["hash"]:
            raise StaleInputError(
                f"metrics.json of {key} belongs to other documents (identity "
                f"{found['identity'][:12]}, now {identity['hash'][:12]}); run the stage evaluate"
            )
        if found["spec"] != spec.model_dump(mode="json"):
            changed = sorted(
                name
                for name, value in spec.model_dump(mode="json").items()
                if found["spec"].get(name) != value
            )
            raise StaleInputError(
                f"metrics.json of {key} belongs to another specification (models.{model_id}: "
                f"{', '.join(changed)} changed); run the stages train and evaluate"
            )
        rows.append(
            {**found, "key": key, "name": model_id, "matrix": f"confusion_{spec.family}_{model_id}"}
        )
    return sorted(rows, key=lambda row: (row["family"] == "check", -row["macro_f1"], row["key"]))


def require_same_analysis(meta_eval: Mapping[str, Any], analysis: Analysis) -> None:
    """Stops a report of results that were judged in another way than `analysis` says;
    `top_features` is the report's own."""
    recorded = Analysis.model_validate(meta_eval["analysis"])
    wanted = analysis.model_dump(exclude={"top_features"})
    found = recorded.model_dump(exclude={"top_features"})
    if differing := sorted(key for key in wanted if wanted[key] != found[key]):
        raise StaleInputError(
            f"{meta_eval['model']} was judged with another analysis.{', analysis.'.join(differing)}"
            "; run the stage evaluate"
        )


def baseline_rows(best: Row, group_field: str | None) -> list[Row]:
    """The baselines beside the models, strongest first."""
    names = {**BASELINE_NAMES, "group_majority": f"{group_field} majority"}
    rows = [
        {**scores, "name": names.get(name, name), "key": f"baseline/{name}"}
        for name, scores in best["baselines"].items()
    ]
    return sorted(rows, key=lambda row: (-row["macro_f1"], row["name"]))


def compared(
    comparison: Mapping[str, Any], best: Row, names: Mapping[str, str]
) -> dict[str, list[Row]]:
    """The pairs to show: those of the best model first, it being A; `names` by key."""
    shown: dict[str, list[Row]] = {}
    for kind in ("pairs", "against_baselines"):
        pairs = [
            _turned(pair, best["key"])
            for pair in comparison[kind]
            if {pair["a"], pair["b"]} <= names.keys()
        ]
        ordered = sorted(
            pairs, key=lambda pair: (pair["macro_f1_difference"], pair["a"], pair["b"])
        )
        first = [pair for pair in ordered if pair["a"] == best["key"]]
        shown[kind] = _with_names(first, names)
        shown[f"other_{kind}"] = _with_names([pair for pair in ordered if pair not in first], names)
    return shown


def _turned(pair: Row, best: str) -> Row:
    """The same comparison with the best model as A."""
    if pair["b"] != best:
        return pair
    low, high = pair["interval"]
    return {
        **pair,
        "a": pair["b"],
        "b": pair["a"],
        "macro_f1_difference": -pair["macro_f1_difference"],
        "interval": [-high, -low],
        "only_a_right": pair["only_b_right"],
        "only_b_right": pair["only_a_right"],
    }


def _with_names(pairs: Sequence[Row], names: Mapping[str, str]) -> list[Row]:
    return [{**pair, "a": names[pair["a"]], "b": names[pair["b"]]} for pair in pairs]


def by_field(
    metrics_by: Mapping[str, Row], models: Sequence[Row], fields: Sequence[str]
) -> list[Row]:
    """A table for each field compared by: its values with most documents, a column a model."""
    tables = []
    for field in fields:
        shown = [row for row in models if f"{row['key']}/{field}" in metrics_by][:MODELS_SHOWN]
        if not shown:
            continue
        results = [
            {one["value"]: one for one in metrics_by[f"{row['key']}/{field}"]["values"]}
            for row in shown
        ]
        values = metrics_by[f"{shown[0]['key']}/{field}"]["values"]
        rows = [
            {
                "value": one["value"],
                "n_docs": one["n_docs"],
                "largest": max(one["label_counts"].values()) / one["n_docs"],
                "cells": [result[one["value"]] for result in results],
            }
            for one in values[:VALUES_SHOWN]
        ]
        left_out = [
            f"{n} more {what}"
            for n, what in (
                (len(values) - len(rows), f"values in metrics_by_{field}.json"),
                (len(models) - len(shown), "models in their own files"),
            )
            if n > 0
        ]
        tables.append(
            {
                "name": field,
                "models": [row["name"] for row in shown],
                "rows": rows,
                "note": "; ".join(left_out),
            }
        )
    return tables


def verdict(pair: Row) -> str:
    """What the bootstrap test shows about a pair, at the 5 % level after correction."""
    if pair["bootstrap_p_holm"] >= SIGNIFICANT:
        return "no difference shown"
    return "A is better" if pair["macro_f1_difference"] > 0 else "B is better"
