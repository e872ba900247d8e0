"""From predictions to results: scores, reports, comparisons, and how they were made.

Models and baselines are scored on the same documents, the job side.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from app.config.ideo.analysis import Analysis
from app.config.ideo.dataset import Dataset
from app.config.ideo.models import Models
from app.config.ideo.view import View
from app.pipelines.ideo import baselines, comparison, metrics
from app.pipelines.ideo.intervals import Bootstrap, group_codes, interval, replicate_scores
from app.pipelines.ideo.judged import model_names

SEED_OF_INTERVALS, SEED_OF_COMPARISON = 41, 42
BASELINES = ("majority", "group_majority", "length_only")


def predict_baselines(
    learned: pl.DataFrame, judged: pl.DataFrame, meta_view: dict[str, Any], analysis: Analysis
) -> pl.DataFrame:
    """A column of predicted labels for each baseline, in the order of `judged`."""
    natural = meta_view["label_counts_train_before_balance"]
    columns = {
        "majority": baselines.predict_majority(learned, judged, natural),
        "length_only": baselines.predict_by_length(learned, judged, natural),
    }
    if analysis.group_field is not None:
        columns["group_majority"] = baselines.predict_group_majority(learned, judged, natural)
    return pl.DataFrame({name: columns[name] for name in BASELINES if name in columns})


def score_models(
    predictions: pl.DataFrame,
    baseline_predictions: pl.DataFrame,
    judged: pl.DataFrame,
    learned: pl.DataFrame,
    identity: dict[str, Any],
    models: Models,
    analysis: Analysis,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """metrics.json of each model. A model's numbers do not depend on the others in the run."""
    plan = _plan(judged, analysis, (seed, SEED_OF_INTERVALS))
    truth, trained = judged["label"], metrics.label_set(learned["label"])
    beside = {
        name: _scores(truth, baseline_predictions[name], metrics.label_set(truth), plan)
        for name in baseline_predictions.columns
    }
    results = {}
    for model_id, spec in models.root.items():
        predicted = predictions[f"{spec.family}/{model_id}"]
        labels = sorted({*trained, *metrics.label_set(truth, predicted)})
        scores = _scores(truth, predicted, labels, plan)
        counts = scores.pop("counts")
        results[f"{spec.family}/{model_id}"] = {
            **scores,
            "family": spec.family,
            "model_id": model_id,
            "spec": spec.model_dump(mode="json"),
            "identity": identity["hash"],
            "seed": seed,
            "n_eval_docs": truth.len(),
            "classification_report": metrics.classification_report(labels, counts),
            "confusion_matrix": {"labels": labels, "counts": counts.tolist()},
            "classes": _classes(trained, metrics.label_set(truth), predicted),
            "baselines": {
                name: {key: value for key, value in one.items() if key != "counts"}
                for name, one in beside.items()
            },
        }
    return results


def write_classification_reports(results: dict[str, dict[str, Any]]) -> dict[str, str]:
    """classification_report.txt of each model."""
    return {
        name: metrics.report_text(result["classification_report"], class_notes(result["classes"]))
        for name, result in results.items()
    }


def compare_models(
    predictions: pl.DataFrame,
    baseline_predictions: pl.DataFrame,
    judged: pl.DataFrame,
    analysis: Analysis,
    seed: int,
) -> dict[str, Any]:
    """comparison.json: every pair of models, and every model against every baseline.

    Models of the family `check` are left out: they are the majority baseline.
    """
    names = [name for name in model_names(predictions) if not name.startswith("check/")]
    yardsticks = {f"baseline/{name}": name for name in baseline_predictions.columns}
    columns = {
        **{name: predictions[name] for name in names},
        **{name: baseline_predictions[column] for name, column in yardsticks.items()},
    }
    labels = metrics.label_set(judged["label"], *columns.values())
    truth = metrics.encode(judged["label"], labels)
    codes = {name: metrics.encode(column, labels) for name, column in columns.items()}
    plan = _plan(judged, analysis, (seed, SEED_OF_COMPARISON))
    against = [(name, yardstick) for name in names for yardstick in yardsticks]
    pairs = list(combinations(names, 2))
    return {
        "n_eval_docs": judged.height,
        **_drawing(plan, judged.height, analysis),
        "pairs": comparison.compare(truth, codes, pairs, len(labels), plan),
        "against_baselines": comparison.compare(truth, codes, against, len(labels), plan),
    }


def describe_evaluation(
    judged: pl.DataFrame,
    predictions: pl.DataFrame,
    identity: dict[str, Any],
    dataset: Dataset,
    view: View,
    analysis: Analysis,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """meta_eval.json of each model: what it was judged on, with which versions and conventions."""
    plan = _plan(judged, analysis, (seed, SEED_OF_INTERVALS))
    described = {
        "identity": identity["hash"],
        "seed": seed,
        "dataset": dataset.model_dump(mode="json"),
        "view": view.name,
        "analysis": analysis.model_dump(mode="json"),
        "n_eval_docs": judged.height,
        "label_counts": _counted(judged["label"]),
        **_drawing(plan, judged.height, analysis),
        "conventions": {
            "macro_f1": metrics.CONVENTION,
            "zero_division": "a ratio over nothing is 0",
            "intervals": "percentile bootstrap",
            "comparison": "exact McNemar and paired bootstrap of macro-F1, Holm over pairs",
            "baselines": "learned on train, labels weighted back to their share before balancing",
        },
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "polars")},
        },
    }
    return {name: {**described, "model": name} for name in model_names(predictions)}


def class_notes(classes: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with the labels of one evaluation, in words; [] where nothing is."""
    texts = {
        "absent_from_job": "trained on, but no document to evaluate; not in macro-F1",
        "absent_from_train": "evaluated, but never trained on; their F1 is 0",
        "never_predicted": "evaluated, but never predicted; their F1 is 0",
    }
    return [f"{', '.join(classes[key])}: {text}" for key, text in texts.items() if classes.get(key)]


def _plan(judged: pl.DataFrame, analysis: Analysis, seed: tuple[int, ...]) -> Bootstrap:
    groups = None if analysis.group_field is None else group_codes(judged["group"])
    return Bootstrap(analysis.bootstrap_samples, analysis.confidence, seed, groups)


def _drawing(plan: Bootstrap, n_documents: int, analysis: Analysis) -> dict[str, Any]:
    """How the intervals beside it were drawn."""
    return {
        "confidence": plan.confidence,
        "samples": plan.samples,
        "unit": analysis.group_field or "document",
        "n_units": plan.n_units(n_documents),
    }


def _scores(
    truth: pl.Series, predicted: pl.Series, labels: list[str], plan: Bootstrap
) -> dict[str, Any]:
    """accuracy and macro_f1 with their intervals, and the confusion `counts` over `labels`."""
    known = sorted({*labels, *metrics.label_set(truth, predicted)})
    true, guessed = metrics.encode(truth, known), metrics.encode(predicted, known)
    counts = metrics.confusion_matrix(true, guessed, len(known))
    drawn = replicate_scores(true, [guessed], len(known), plan)
    return {
        "accuracy": metrics.accuracy(counts),
        "macro_f1": metrics.macro_f1(counts),
        "intervals": {
            "accuracy": interval(drawn.accuracy[0], plan.confidence),
            "macro_f1": interval(drawn.macro_f1[0], plan.confidence),
            "confidence": plan.confidence,
            "samples": plan.samples,
            "n_units": plan.n_units(truth.len()),
        },
        "counts": counts,
    }


def _classes(trained: list[str], judged: list[str], predicted: pl.Series) -> dict[str, list[str]]:
    guessed = set(predicted)
    return {
        "absent_from_job": [label for label in trained if label not in judged],
        "absent_from_train": [label for label in judged if label not in trained],
        "never_predicted": [label for label in judged if label in trained and label not in guessed],
    }


def _counted(labels: pl.Series) -> dict[str, int]:
    names = metrics.label_set(labels)
    counts = np.bincount(metrics.encode(labels, names), minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))
