"""Nested values become flat names and values."""

from app.config.ideo.filters import Filters
from app.tracking.flat import flat_params, flat_scores, mlflow_name


def test_params_of_groups_lists_and_empty_values() -> None:
    flat = flat_params({"a": {"b": None, "c": {}}, "d": [1, {"e": True}], "f": "x"})
    assert flat == {"a.b": "null", "a.c": "{}", "d": '[1, {"e": true}]', "f": "x"}


def test_params_of_a_config_group() -> None:
    flat = flat_params({"filters": Filters.model_construct(min_chars=200)})
    assert flat["filters.min_chars"] == "200"


def test_scores_leave_out_what_was_not_measured() -> None:
    results = {
        "accuracy": 1,
        "seed": 7,
        "ok": True,
        "intervals": {"accuracy": [0, 1]},
        "family": "check",
        "classification_report": {"labels": {"a": {"f1": 0.5}}, "accuracy": 1.0},
    }
    assert flat_scores(results) == {"accuracy": 1.0, "f1.a": 0.5}


def test_names_mlflow_refuses_are_made_acceptable() -> None:
    assert mlflow_name("svm.f1.Écologie (Nord)") == "svm.f1.Écologie _Nord_"
    assert len(mlflow_name("x" * 400)) == 250
