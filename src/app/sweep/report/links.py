"""What a report can link to: files below the sweep's folder, and pages of MLflow."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from app.sweep.finished import FinishedSweep
from app.sweep.ledger import LEDGER, RunState
from app.sweep.tables import METRICS, PLAN, RUNS, log_of

MLFLOW = "mlflow.json"  # written by tracking: store, page of the sweep, pages of its runs
MLFLOW_SERVER = "http://127.0.0.1:5000"  # where `make mlflow` shows a database
PICTURES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg"}
LISTED = (RUNS, METRICS, PLAN, LEDGER)


@dataclass(frozen=True)
class RunLinks:
    """Addresses of one run, relative to the report; "" for what does not exist."""

    folder: str
    report: str
    log: str
    mlflow: str


@dataclass(frozen=True)
class Plot:
    path: Path  # below the sweep's folder
    name: str
    type: str
    content: bytes

    @property
    def data(self) -> str:
        """The picture itself as an address."""
        return f"data:{self.type};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Links:
    """All of a sweep's."""

    runs: dict[str, RunLinks]
    plots: list[Plot]
    files: dict[str, str]  # name -> address, of tables, ledger, and what hooks wrote
    mlflow: str  # page of the sweep
    mlflow_store: str  #  a database that a server has to be started for

    @classmethod
    def of(cls, sweep: FinishedSweep) -> Self:
        folder = sweep.folder
        told = _mlflow(folder)
        pages = told.get("pages", {})
        runs = {
            run.run_id: _links_of(folder, run, _page(told, pages.get(run.run_id)))
            for run in sweep.state.runs.values()
        }
        store = str(told.get("store", ""))
        others = [path for path in sweep.files if path.suffix not in PICTURES]
        listed = [folder / name for name in LISTED] + others
        return cls(
            runs=runs,
            plots=[
                Plot(path.relative_to(folder), path.stem, PICTURES[path.suffix], path.read_bytes())
                for path in sweep.files
                if path.suffix in PICTURES and path.is_relative_to(folder)
            ],
            files={
                path.name: _address(path.relative_to(folder))
                for path in listed
                if path.is_relative_to(folder) and path.exists()
            },
            mlflow=_page(told, told.get("page")),
            mlflow_store="" if store.startswith("http") else store,
        )


def _links_of(folder: Path, run: RunState, page: str) -> RunLinks:
    place = folder / run.folder
    there = bool(run.folder) and place.is_dir()
    reports = sorted((place / "reports").rglob("report.html")) if there else []
    log = log_of(run)
    return RunLinks(
        folder=_address(Path(run.folder)) if there else "",
        report=_address(reports[0].relative_to(folder)) if reports else "",
        log=_address(Path(log)) if (folder / log).exists() else "",
        mlflow=page,
    )


def _address(path: Path) -> str:
    return quote(path.as_posix())


def _mlflow(folder: Path) -> dict[str, Any]:
    """What tracking says about the sweep; nothing where it was not recorded."""
    try:
        told = json.loads((folder / MLFLOW).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # half a file is no reason to have no report
        return {}
    return told if isinstance(told, dict) else {}


def _page(told: dict[str, Any], page: str | None) -> str:
    """The address of a page; "" where there is none."""
    if not page:
        return ""
    store = str(told.get("store", ""))
    server = store.rstrip("/") if store.startswith("http") else MLFLOW_SERVER
    return f"{server}/{page}"
