"""Models in MLflow: logged as pyfunc with a signature, versioned, and the best one given an alias.

A model folder is copied as it is; the MLmodel file beside it (format:
https://mlflow.org/docs/latest/ml/model/) names `app.tracking.pyfunc_model` as its loader module,
so nothing is pickled and no code is run to log it. What is read of a folder's `model_card.json`:
`identity` (`hash` of the data), `packages` (name -> version) and `spec`.
"""

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from app.tracking.flat import flat_params
from app.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CARD = "model_card.json"
TEXT_TO_LABEL = {
    "inputs": json.dumps([{"type": "string", "name": "text", "required": True}]),
    "outputs": json.dumps([{"type": "string", "name": "label", "required": True}]),
    "params": None,
}
EXAMPLE = {"columns": ["text"], "data": [["Une phrase de la tribune."], ["Another sentence."]]}


@dataclass
class Logged:
    """A model of this run in MLflow."""

    name: str  # model_id of the run
    mlflow_id: str
    registered_name: str
    data: str  # hash of what it was trained on


def log_model(
    client: "MlflowClient", run: "Run", name: str, folder: Path, loader: str, registered_name: str
) -> Logged:
    """Copies the model folder into MLflow as a pyfunc model of this run."""
    from mlflow.entities import LoggedModelOutput

    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    model = client.create_logged_model(
        run.info.experiment_id,
        name=name,
        source_run_id=run.info.run_id,
        params=flat_params(card.get("spec", {})),
        model_type="text classifier",
    )
    client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    with TemporaryDirectory() as described:
        _describe(Path(described), model.model_id, run.info.run_id, loader, card)
        client.log_model_artifacts(model.model_id, described)
    client.log_model_artifacts(model.model_id, str(folder), "data")
    client.finalize_logged_model(model.model_id, "READY")
    registered_name = re.sub(r"[^\w.\-]", "_", registered_name)
    return Logged(name, model.model_id, registered_name, str(card["identity"]["hash"]))


def register(
    client: "MlflowClient", store: Store, run: "Run", logged: Logged, scores: dict[str, float]
) -> "ModelVersion":
    """A new version of the registered model, tagged with what its alias is judged by."""
    from mlflow.exceptions import MlflowException

    name = logged.registered_name
    tags = {
        "superior.model": logged.name,
        "superior.data": logged.data,
        **{
            f"superior.{key}": repr(scores[key])
            for key in ("macro_f1", "accuracy")
            if key in scores
        },
    }
    source = f"models:/{logged.mlflow_id}"
    shown_scores = [f"{key} {scores[key]:.3f}" for key in ("macro_f1", "accuracy") if key in scores]
    told = ", ".join([logged.name, *shown_scores])
    with store.alone():
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(
            name, source, run.info.run_id, tags, description=told, model_id=logged.mlflow_id
        )
    shown = json.dumps([{"name": name, "version": version.version}])
    client.set_logged_model_tags(logged.mlflow_id, {"mlflow.modelVersions": shown})
    return version


def award_alias(
    client: "MlflowClient", store: Store, alias: str, versions: Sequence["ModelVersion"]
) -> dict[str, str]:
    """Gives each registered model's alias to the best of its new versions by macro-F1, and says
    what became of it.

    A version takes the alias when nobody has it, or when it scores at least as well as the holder
    on the same data (identity hash). Scores on different data do not compare: the holder keeps
    it, until a person moves the alias in MLflow.
    """
    told = {}
    scored = [version for version in versions if "superior.macro_f1" in version.tags]
    for name in sorted({version.name for version in scored}):
        best = max((version for version in scored if version.name == name), key=_score)
        with store.alone():
            holder = _holder(client, name, alias)
            if holder is None or (_data(holder) == _data(best) and _score(best) >= _score(holder)):
                client.set_registered_model_alias(name, alias, best.version)
                told[name] = f"version {best.version} is {alias}"
                continue
        why = "on other data" if _data(holder) != _data(best) else f"scored {_score(holder):.4f}"
        told[name] = (
            f"version {best.version} registered; {alias} stays version {holder.version} ({why})"
        )
    return told


def _describe(folder: Path, model_id: str, run_id: str, loader: str, card: dict[str, Any]) -> None:
    """The files that MLflow wants beside a model's own."""
    from mlflow.models import Model

    model = Model(run_id=run_id, model_uuid=model_id, model_id=model_id)
    model.saved_input_example_info = {
        "artifact_path": "input_example.json",
        "type": "dataframe",
        "pandas_orient": "split",
    }
    model.add_flavor(
        "python_function",
        loader_module="app.tracking.pyfunc_model",
        data="data",
        config={"loader": loader},
        python_version=platform.python_version(),
        env={"virtualenv": "python_env.yaml"},
    )
    python_env = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }
    pinned = [f"{name}=={version}" for name, version in sorted(card.get("packages", {}).items())]
    (folder / "MLmodel").write_text(_yaml({**model.to_dict(), "signature": TEXT_TO_LABEL}))
    (folder / "python_env.yaml").write_text(_yaml(python_env))
    (folder / "requirements.txt").write_text("\n".join([*pinned, "mlflow", ""]))
    (folder / "input_example.json").write_text(json.dumps(EXAMPLE))


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, allow_unicode=True)


def _holder(client: "MlflowClient", name: str, alias: str) -> "ModelVersion | None":
    if alias not in client.get_registered_model(name).aliases:
        return None
    return client.get_model_version_by_alias(name, alias)


def _score(version: "ModelVersion") -> float:
    return float(version.tags.get("superior.macro_f1", "-inf"))


def _data(version: "ModelVersion") -> str | None:
    data: str | None = version.tags.get("superior.data")
    return data
