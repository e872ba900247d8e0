"""Models in MLflow: loaded and used through pyfunc, versioned, and the champion of the data."""

from typing import Any

import pytest
from test_recorded_runs import run_named

NAME = "mini.web1_binary"


def logged_id(version: Any) -> str:
    """The id of the logged model that a version was made of."""
    assert version.source.startswith("models:/m-")
    return str(version.source.removeprefix("models:/"))


@pytest.fixture(scope="session")
def versions(client: Any, recorded: Any) -> dict[str, Any]:
    run = run_named(client, "first")
    found = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    return {version.tags["superior.model"]: version for version in found}


def test_each_model_is_a_version_with_its_scores(versions: dict[str, Any]) -> None:
    assert set(versions) == {"words_big", "words_small"}
    assert versions["words_big"].name == NAME
    assert versions["words_big"].tags["superior.macro_f1"] == "0.8"
    assert versions["words_big"].tags["superior.data"] == "d" * 32


def test_pyfunc_loads_and_predicts(recorded: Any, versions: dict[str, Any]) -> None:
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(recorded.uri)
    mlflow.set_registry_uri(recorded.uri)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/{versions['words_big'].version}")
    rows = pd.DataFrame({"text": ["solidarity now", "order first"]}, index=[4, 9])
    predicted = model.predict(rows)
    assert predicted["label"].tolist() == ["left", "right"]
    assert predicted.index.tolist() == [4, 9]
    assert model.metadata.get_input_schema().input_names() == ["text"]
    assert model.metadata.get_output_schema().input_names() == ["label"]
    with pytest.raises(mlflow.MlflowException, match="text"):
        model.predict(pd.DataFrame({"texte": ["x"]}))


def test_model_page_facts(client: Any, versions: dict[str, Any]) -> None:
    logged = client.get_logged_model(logged_id(versions["words_big"]))
    assert logged.name == "words_big"
    assert str(logged.status) == "READY"
    assert logged.params == {"family": "toy", "size": "9"}
    assert {metric.key: metric.value for metric in logged.metrics}["words_big.macro_f1"] == 0.8
    files = {entry.path for entry in client.list_logged_model_artifacts(logged.model_id)}
    assert {"MLmodel", "data", "requirements.txt", "input_example.json"} <= files


def test_the_example_of_a_model_fits_its_signature(versions: dict[str, Any], client: Any) -> None:
    from mlflow.models import Model

    location = client.get_logged_model(logged_id(versions["words_big"])).artifact_location
    described = Model.load(location)
    assert list(described.load_input_example(location).columns) == ["text"]


def test_the_alias_goes_to_the_best_on_the_same_data_only(recorded: Any, client: Any) -> None:
    def champion() -> str:
        version = client.get_model_version_by_alias("mini.alias", "champion")
        return f"{version.tags['superior.model']} {version.tags['superior.macro_f1']}"

    said = [
        recorded.run("a1", model="mini.alias", f1="0.5").err,
        champion(),
        recorded.run("a2", model="mini.alias", f1="0.4").err,
        champion(),
        recorded.run("a3", model="mini.alias", f1="0.9", data="e" * 32).err,
        champion(),
        recorded.run("a4", model="mini.alias", f1="0.5").err,
    ]
    assert said[1] == said[3] == said[5] == "words_big 0.5"
    assert "model mini.alias: version 2 is champion" in said[0]
    assert "version 4 registered; champion stays version 2 (scored 0.5000)" in said[2]
    assert "version 6 registered; champion stays version 2 (on other data)" in said[4]
    assert "model mini.alias: version 8 is champion" in said[6]
