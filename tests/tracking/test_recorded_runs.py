"""What a run that went well leaves in MLflow."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigError
from app.tracking.store import Store


def run_named(client: Any, name: str) -> Any:
    found = client.search_runs(
        [experiment.experiment_id for experiment in client.search_experiments()],
        f"attributes.run_name = 'mini {name}'",
    )
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="session")
def first(client: Any) -> Any:
    return run_named(client, "first")


def test_one_finished_run_with_its_config_as_params(first: Any) -> None:
    assert first.info.status == "FINISHED"
    assert first.info.end_time > first.info.start_time
    assert first.data.params == {
        "seed": "3",
        "split.train_prop": "0.8",
        "split.fields": '["a", "b"]',
        "tracking.experiment": "mini",
        "tracking.enabled": "true",
        "tracking.uri": "null",
    }


def test_scores_of_each_model_and_label_are_metrics(first: Any) -> None:
    big = {key: value for key, value in first.data.metrics.items() if key.startswith("words_big.")}
    assert big == {
        "words_big.accuracy": 0.75,
        "words_big.macro_f1": 0.8,
        "words_big.n_eval_docs": 8.0,
        "words_big.f1.left": 0.8,
        "words_big.f1.extrême droite": 0.8,
    }
    assert first.data.metrics["words_small.macro_f1"] == pytest.approx(0.7)


def test_tags_say_what_ran_on_what(first: Any, recorded: Any) -> None:
    tags = first.data.tags
    assert tags["superior.pipeline"] == "mini"
    assert tags["superior.data"] == "d" * 32
    assert tags["superior.command"].endswith(f"mini.py {recorded.folder} name=first")
    assert tags["superior.git.state"] == "no commit"
    assert int(tags["superior.pid"]) > 0
    assert float(tags["superior.process_started"]) > 0
    assert tags["superior.report"] == str(recorded.folder / "data/first/report.html")
    assert "artifacts/report.html" in tags["mlflow.note.content"]
    assert tags["superior.status"] == "FINISHED"


def test_files_are_artifacts_under_the_store(client: Any, first: Any, recorded: Any) -> None:
    assert first.info.artifact_uri.startswith(str(recorded.folder / "mlruns" / "artifacts"))
    names = {entry.path for entry in client.list_artifacts(first.info.run_id)}
    assert {"report.html", "data_identity.json", "toy"} <= names
    identity = Path(first.info.artifact_uri, "data_identity.json").read_text()
    assert json.loads(identity)["sources"] == {"a:b.xml": "1"}
    scores = Path(first.info.artifact_uri, "toy/words_big/scores.json").read_text()
    assert json.loads(scores) == {"x": 1}


def test_nothing_is_pickled(recorded: Any) -> None:
    names = [path.name for path in (recorded.folder / "mlruns").rglob("*") if path.is_file()]
    assert "words.txt" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_switched_off_it_starts_nothing(recorded: Any, tmp_path: Path) -> None:
    project = type(recorded)(tmp_path)
    ran = project.run("quiet", enabled="0")
    assert ran.code == 0, ran.err
    assert not (tmp_path / "mlruns").exists()
    assert (tmp_path / "data/quiet/report.html").exists()


def test_a_store_that_fails_costs_no_result(recorded: Any, tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file where the folder should be")
    ran = type(recorded)(tmp_path).run("lost")
    assert ran.code == 6
    assert (tmp_path / "data/lost/report.html").exists()
    assert "every result is saved, but MLflow does not have all of this run: start: " in ran.err
    assert "Traceback" not in ran.err


def test_two_runs_at_once_on_a_store_that_is_not_there_yet(recorded: Any, tmp_path: Path) -> None:
    import mlflow

    project = type(recorded)(tmp_path)
    both = [project.start(name) for name in ("left", "right")]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    client = mlflow.MlflowClient(project.uri, project.uri)
    runs = client.search_runs([client.get_experiment_by_name("mini").experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    versions = client.search_model_versions("name = 'mini.web1_binary'")
    assert sorted(int(version.version) for version in versions) == [1, 2, 3, 4]


@pytest.mark.parametrize("track", ["metric", "models"])
def test_a_mistyped_track_stops_before_any_work(recorded: Any, tmp_path: Path, track: str) -> None:
    ran = type(recorded)(tmp_path).run("typo", track=track)
    assert ran.code == ConfigError.exit_code
    assert f"metadata of 'report' say {{'track': '{track}', 'tag': 'report'}}" in ran.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (None, ("sqlite:////home/p/mlruns/mlflow.db", "/home/p/mlruns/artifacts")),
        ("sqlite:///other/a.db", ("sqlite:////home/p/other/a.db", "/home/p/other/artifacts")),
        ("sqlite:////x/a.db", ("sqlite:////x/a.db", "/x/artifacts")),
        ("http://host:5000", ("http://host:5000", None)),
        ("postgresql://u@h/d", ("postgresql://u@h/d", "/home/p/mlruns/artifacts")),
    ],
)
def test_store_of_a_uri(uri: str | None, expected: tuple[str, str | None]) -> None:
    store = Store.resolve(uri, Path("/home/p"))
    assert (store.uri, store.artifacts) == expected
