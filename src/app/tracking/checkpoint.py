"""Checkpoints in MLflow: a version of a registered model, whose artifacts are the checkpoint's
files and whose tags are their hashes; and back again, checked."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import ResumeError
from app.tracking.store import Store, connect, slim_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

KIND = "superior.kind"
DIGESTS = "superior.files"
SRC = Path(__file__).resolve().parents[2]
URI = re.compile(r"^models:/(?P<name>[^/@']+)(?:@(?P<alias>[\w-]+)|/(?P<version>\d+|latest))$")


def log_checkpoint(
    client: "MlflowClient",
    store: Store,
    run: "Run",
    folder: Path,
    registered_name: str,
    about: Mapping[str, Any],
) -> "ModelVersion":
    """The files of `folder` as a new version of `registered_name`; `about` becomes its tags."""
    from mlflow.exceptions import MlflowException

    model = client.create_logged_model(
        run.info.experiment_id,
        name=registered_name,
        source_run_id=run.info.run_id,
        model_type="checkpoint",
    )
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    digests = {file.name: _sha256(file) for file in sorted(folder.iterdir())}
    tags = {
        KIND: "checkpoint",
        DIGESTS: json.dumps(digests),
        **{f"superior.{key}": str(value) for key, value in about.items()},
    }
    told = ", ".join(f"{key} {value}" for key, value in about.items())
    with store.alone():
        try:
            client.create_registered_model(registered_name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"models:/{model.model_id}"
        return client.create_model_version(
            registered_name,
            source,
            run.info.run_id,
            tags,
            description=f"checkpoint: {told}"[:5000],
            model_id=model.model_id,
        )


def fetch_checkpoint(store: Store, uri: str, folder: Path) -> dict[str, Any]:
    """Downloads the files of a published checkpoint into `folder`; tells its `version`.

    `uri` is `models:/NAME@latest`, the newest version, `models:/NAME@ALIAS`, or `models:/NAME/3`.

    Raises:
        ResumeError: there is none of that name, or its files are not those that were published.
    """
    from mlflow.artifacts import download_artifacts

    version = _version(connect(store), uri)
    digests: dict[str, str] = json.loads(version.tags[DIGESTS])
    folder.mkdir(parents=True, exist_ok=True)
    download_artifacts(version.source, dst_path=str(folder), tracking_uri=store.uri)
    for name, digest in digests.items():
        file = folder / name
        if not file.is_file() or _sha256(file) != digest:
            file.unlink(missing_ok=True)
            raise ResumeError(
                f"checkpoint.resume_from={uri}: {name} of version {version.version} is not what "
                "was published (its hash differs); resume from another version, or without it "
                "from the local checkpoint"
            )
    return {"version": int(version.version), "files": sorted(digests)}


def fetch(store: Store, uri: str, folder: Path) -> dict[str, Any]:
    """`fetch_checkpoint` in a process of its own, which alone imports MLflow."""
    _parts(uri)
    command = [sys.executable, "-m", "app.tracking.checkpoint", json.dumps(asdict(store)), uri]
    done = subprocess.run(
        [*command, str(folder)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SRC), *sys.path])},
    )
    lines = done.stdout.strip().splitlines()
    told: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if "refused" in told:
        raise ResumeError(told["refused"])
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ResumeError(f"checkpoint.resume_from={uri}: MLflow at {store.uri} failed: {said[-1]}")
    return told


def main() -> None:
    """STORE URI FOLDER: fetches, and prints what it found as a line of JSON."""
    store, uri, folder = sys.argv[1:]
    slim_mlflow()
    try:
        told = fetch_checkpoint(Store(**json.loads(store)), uri, Path(folder))
    except ResumeError as error:
        told = {"refused": str(error)}
    sys.stdout.write(json.dumps(told) + "\n")


def _version(client: "MlflowClient", uri: str) -> "ModelVersion":
    name, alias, number = _parts(uri)
    versions = [
        version
        for version in client.search_model_versions(f"name = '{name}'")
        if version.tags.get(KIND) == "checkpoint"
    ]
    if alias not in (None, "latest"):
        versions = [version for version in versions if alias in version.aliases]
    elif number not in (None, "latest"):
        versions = [version for version in versions if str(version.version) == number]
    if not versions:
        raise ResumeError(
            f"checkpoint.resume_from={uri}: the registry has no such checkpoint; a run publishes "
            "one when it ends (checkpoint.publish=true)"
        )
    return max(versions, key=lambda version: int(version.version))


def _parts(uri: str) -> tuple[str, str | None, str | None]:
    """Name, alias, version."""
    found = URI.match(uri)
    if found is None:
        raise ResumeError(
            f"checkpoint.resume_from={uri}: write models:/NAME@latest or models:/NAME/3"
        )
    return found["name"], found["alias"], found["version"]


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


if __name__ == "__main__":
    main()
