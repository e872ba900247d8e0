"""Where MLflow keeps runs: a database or a server, and the folder of their artifacts.

MLflow's own package costs seconds of CPU, most of it for parts that recording a run never uses.
`slim_mlflow` leaves those out the way the `mlflow-skinny` distribution does, which MLflow
supports: tracking and registry work without numpy, pandas and the like.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"
NOT_NEEDED = ("IPython", "git", "numpy", "pandas", "polars", "pyarrow", "scipy")


@dataclass(frozen=True)
class Store:
    """A tracking store. `artifacts` and `lock` are None where a server has its own."""

    uri: str
    artifacts: str | None
    lock: str | None  # held while tables are made and versions numbered, by one run at a time

    @classmethod
    def resolve(cls, uri: str | None, project: Path) -> "Store":
        """The store that `tracking.uri` names; relative SQLite paths are the project's."""
        folder = project / "mlruns"
        if uri is None:
            uri = f"{SQLITE}{folder / 'mlflow.db'}"
        if urlsplit(uri).scheme in ("http", "https", "databricks"):
            return cls(uri, None, None)
        if uri.startswith(SQLITE):
            database = project / uri.removeprefix(SQLITE)
            uri, folder = f"{SQLITE}{database}", database.parent
        return cls(uri, str(folder / "artifacts"), str(folder / ".lock"))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other run of this machine is inside at the same time."""
        if self.lock is None:
            yield
            return
        from filelock import FileLock

        Path(self.lock).parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.lock):
            yield


def slim_mlflow() -> None:
    """Makes `import mlflow` cheap in a process that only records runs. Call it before.

    Half a second of the second and a half goes to the garbage collector, which looks through
    everything being imported again and again; the process is short-lived and keeps it all.
    """
    gc.disable()
    for name in NOT_NEEDED:
        sys.modules[name] = None  # type: ignore[assignment]
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")  # half a minute, not five
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # it is for the outcome


def connect(store: Store) -> "MlflowClient":
    """A client of the store, whose tables are made first where they are not.

    The store becomes the process's default too, where MLflow looks up the models that versions
    are made of.
    """
    import mlflow

    mlflow.set_tracking_uri(store.uri)
    with store.alone():
        return mlflow.MlflowClient(tracking_uri=store.uri, registry_uri=store.uri)


def experiment_id(client: "MlflowClient", store: Store, name: str) -> str:
    """The experiment of that name, made where it is not, with its artifacts under the store."""
    with store.alone():
        if (found := client.get_experiment_by_name(name)) is not None:
            return str(found.experiment_id)
        tags = {"mlflow.experimentKind": "custom_model_development"}  # the pages it opens with
        return str(client.create_experiment(name, artifact_location=store.artifacts, tags=tags))
