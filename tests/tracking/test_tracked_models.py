"""Models in MLflow: loaded and used through pyfunc, versioned, and the champion of the data."""

from typing import Any

import pytest
from test_recorded_runs import run_named

from app.tracking.model import award_alias
from app.tracking.store import Store, connect

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


def test_the_alias_goes_to_the_best_on_the_same_data_only(
    recorded: Any, client: Any, versions: dict[str, Any]
) -> None:
    store, name = Store.resolve(recorded.uri, recorded.folder), "mini.alias"
    connect(store)  # MLflow looks versions up in the process's default store
    client.create_registered_model(name)

    def award(*scored: tuple[float, str]) -> str:
        """What is said when versions of these scores and data were made by one run."""
        made = [
            client.create_model_version(
                name,
                versions["words_big"].source,
                tags={"superior.macro_f1": repr(f1), "superior.data": data},
            )
            for f1, data in scored
        ]
        return award_alias(client, store, "champion", made)[name]

    assert award((0.4, "d"), (0.5, "d"), (0.3, "d")) == "version 2 is champion"
    assert award((0.4, "d")) == "version 4 registered; champion stays version 2 (scored 0.5000)"
    assert award((0.9, "e")) == "version 5 registered; champion stays version 2 (on other data)"
    assert award((0.5, "d")) == "version 6 is champion"
    assert int(client.get_model_version_by_alias(name, "champion").version) == 6


def test_models_without_scores_get_no_alias(recorded: Any, client: Any, versions: Any) -> None:
    store = Store.resolve(recorded.uri, recorded.folder)
    connect(store)  # as above
    client.create_registered_model("mini.unscored")
    version = client.create_model_version("mini.unscored", versions["words_big"].source)
    assert award_alias(client, store, "champion", [version]) == {}
    assert client.get_registered_model("mini.unscored").aliases == {}
