"""`evaluate`: its nodes on invented predictions, and its pipeline over an in-memory catalog."""

import json
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from invented import IDENTITY, Invented
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from app.config.ideo.dataset import Dataset
from app.config.ideo.view import View
from app.datasets.per_model import PerModelDataset
from app.errors import InputError, StaleInputError
from app.pipelines.ideo import judged, scoring
from app.pipelines.ideo.evaluate import PREDICTORS, create_pipeline

CASE: dict[str, Any] = {"labels": ["left", "right"], "skills": {"svm": 0.7, "logreg": 0.5}}
RESULTS = {"metrics", "metrics_by", "classification_reports", "meta_eval", "comparison"}


def run_pipeline(case: Invented) -> dict[str, Any]:
    """All but the nodes that predict, through Kedro."""
    names = [f"predict_{family}" for family in PREDICTORS]
    whole = create_pipeline()
    rest = whole.filter(
        node_names=[node.name for node in whole.nodes if node.name not in {*names, "identify"}]
    )
    given = {
        "train": case.train,
        "job": case.job,
        "meta_view": case.view(),
        "identity": IDENTITY,
        "params:models": case.models,
        "params:analysis": case.analysis,
        "params:dataset": Dataset(dataset_id="debates", corpus_ids=["debates"]),
        "params:view": View(name="wing", source="field", field="party"),
        "params:seed": 42,
        **{f"{family}_predictions": tables for family, tables in case.predictions().items()},
    }
    catalog = DataCatalog({name: MemoryDataset(data) for name, data in given.items()})
    with TemporaryDirectory() as folder:
        catalog["metrics"] = PerModelDataset(folder, "metrics.json")  # a node reads it again
        outputs = SequentialRunner().run(rest, catalog)
        found = {name: output.load() for name, output in outputs.items()}
        return {**found, "metrics": catalog["metrics"].load()}


def test_pipeline_gives_every_result() -> None:
    results = run_pipeline(Invented(**CASE))
    assert set(results) == RESULTS
    json.dumps(results, allow_nan=False)
    metrics = results["metrics"]["sklearn/svm"]
    assert {
        "accuracy",
        "macro_f1",
        "classification_report",
        "family",
        "model_id",
        "n_eval_docs",
        "confusion_matrix",
        "intervals",
        "baselines",
    } <= set(metrics)
    assert set(metrics["baselines"]) == {"majority", "group_majority", "length_only"}
    counts = metrics["confusion_matrix"]["counts"]
    assert sum(map(sum, counts)) == metrics["n_eval_docs"]
    low, high = metrics["intervals"]["macro_f1"]
    assert low < metrics["macro_f1"] < high
    assert set(results["metrics_by"]) == {"sklearn/svm/party", "sklearn/logreg/party"}
    assert len(results["comparison"]["pairs"]) == 1
    assert results["meta_eval"]["sklearn/svm"]["unit"] == "speaker"
    assert "weighted avg" in results["classification_reports"]["sklearn/svm"]


def test_same_seed_same_bytes() -> None:
    first, second = (json.dumps(run_pipeline(Invented(**CASE))) for _ in range(2))
    assert first == second


def test_a_models_numbers_do_not_depend_on_the_others() -> None:
    """The first model guesses first, so its predictions are the same in both."""
    both = run_pipeline(Invented(**CASE))["metrics"]["sklearn/svm"]
    alone = run_pipeline(Invented(labels=["left", "right"], skills={"svm": 0.7}))["metrics"]
    assert alone["sklearn/svm"] == both


def test_without_a_group_field_documents_are_drawn() -> None:
    results = run_pipeline(Invented(**CASE, group_field=None))
    described = results["meta_eval"]["sklearn/svm"]
    assert described["unit"] == "document"
    assert described["n_units"] == described["n_eval_docs"]
    assert set(results["metrics"]["sklearn/svm"]["baselines"]) == {"majority", "length_only"}


def test_values_of_a_field_add_up() -> None:
    case = Invented(**CASE)
    case.job = case.job.with_columns(
        party=pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("")).otherwise("party")
    )
    results = run_pipeline(case)
    table = results["metrics_by"]["sklearn/svm/party"]["values"]
    assert sum(row["n_docs"] for row in table) == case.job.height
    right = sum(row["accuracy"] * row["n_docs"] for row in table)
    assert right == pytest.approx(results["metrics"]["sklearn/svm"]["accuracy"] * case.job.height)
    assert next(row for row in table if row["value"] == "(not given)")["n_docs"] == 5


def test_a_class_missing_from_the_job_side_is_told() -> None:
    """A label with one document vanished from the test side, and accuracy 1.0 was reported."""
    case = Invented(labels=["left", "right"], skills={"svm": 1.0})
    extinct = case.train["label"].to_list()
    extinct[0] = "extinct"
    case.train = case.train.with_columns(label=pl.Series(extinct))
    results = run_pipeline(case)
    metrics = results["metrics"]["sklearn/svm"]
    assert metrics["classes"]["absent_from_job"] == ["extinct"]
    assert metrics["confusion_matrix"]["labels"] == ["extinct", "left", "right"]
    assert metrics["macro_f1"] == 1.0  # over the labels that occur, and said so:
    assert (
        "extinct: trained on, but no document" in results["classification_reports"]["sklearn/svm"]
    )


def test_files_of_another_config_are_refused() -> None:
    case = Invented(**CASE)
    other = {**IDENTITY, "hash": "0ther", "config": {**IDENTITY["config"], "seed": 43}}
    with pytest.raises(StaleInputError, match="seed"):
        judged.judged_documents(case.job, case.view(), other, case.analysis)


def test_missing_and_foreign_predictions_are_refused() -> None:
    case = Invented(**CASE)
    documents = judged.judged_documents(case.job, case.view(), IDENTITY, case.analysis)
    families = case.predictions()
    families["sklearn"]["svm"] = families["sklearn"]["svm"].head(3)
    with pytest.raises(StaleInputError, match="sklearn/svm predicted 3 documents"):
        judged.collect_predictions(documents, *families.values(), case.models)
    del families["sklearn"]["svm"]
    with pytest.raises(InputError, match="no predictions of sklearn/svm"):
        judged.collect_predictions(documents, *families.values(), case.models)


def test_an_empty_job_side_is_refused() -> None:
    case = Invented(**CASE)
    with pytest.raises(InputError, match="no documents"):
        judged.judged_documents(case.job.clear(), case.view(), IDENTITY, case.analysis)


def test_notes_say_what_became_of_each_class() -> None:
    notes = scoring.class_notes({"absent_from_job": [], "never_predicted": ["a", "b"]})
    assert notes == ["a, b: evaluated, but never predicted; their F1 is 0"]
