"""Runs of `mini.py`, each in a process of its own, recorded in one MLflow database."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sweeps import HandMadeSweep, hand_made

HERE = Path(__file__).parent
SRC = HERE.parents[1] / "src"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class MiniProject:
    """A folder with an MLflow store, and the way to run `mini.py` in it."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlruns' / 'mlflow.db'}"

    def start(self, name: str, record: Path | None = None, **said: str) -> "subprocess.Popen[str]":
        arguments = [f"name={name}", *(f"{key}={value}" for key, value in said.items())]
        return subprocess.Popen(
            [sys.executable, str(HERE / "mini.py"), str(self.folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(SRC), str(HERE)]),
                "KEDRO_LOGGING_CONFIG": str(HERE.parents[1] / "conf" / "logging.yml"),
                **({"SUPERIOR_RECORD": str(record)} if record else {}),
            },
        )

    def run(self, name: str, record: Path | None = None, **said: str) -> Ran:
        """Runs it, and waits for its writer too, which holds the run's stderr open."""
        process = self.start(name, record, **said)
        out, err = process.communicate(timeout=120)
        return Ran(process.returncode, out, err)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> MiniProject:
    """A project whose first run, `first`, went well."""
    project = MiniProject(tmp_path_factory.mktemp("mini"))
    ran = project.run("first")
    assert ran.code == 0, ran.err
    assert ran.out == "mlflow imported: False\n"
    return project


@pytest.fixture(scope="session")
def client(recorded: MiniProject) -> "Callable[..., object]":
    import mlflow

    return mlflow.MlflowClient(recorded.uri, recorded.uri)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of a sweep: two models, scores, a report, and its record.jsonl."""
    project = MiniProject(tmp_path_factory.mktemp("run"))
    folder = project.folder / "data" / "one"
    ran = project.run("one", folder / "record.jsonl")
    assert ran.code == 0, ran.err
    assert ran.out == "mlflow imported: False\n"
    assert not (project.folder / "mlruns").exists()
    return folder


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, to copy: making them takes a second."""
    from app.tracking.store import Store, connect

    project = tmp_path_factory.mktemp("empty")
    connect(Store.resolve(None, project))
    return project / "mlruns" / "mlflow.db"


@pytest.fixture
def sweep(tmp_path: Path, run_folder: Path, empty_store: Path) -> "HandMadeSweep":
    return hand_made(tmp_path, run_folder, empty_store)
