"""Runs of `mini.py`, each in a process of its own, recorded in one MLflow database."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

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

    def start(self, name: str, **said: str) -> "subprocess.Popen[str]":
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
            },
        )

    def run(self, name: str, **said: str) -> Ran:
        """Runs it, and waits for its writer too, which holds the run's stderr open."""
        process = self.start(name, **said)
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
