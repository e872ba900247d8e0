"""The files of a sweep that MLflow keeps, and `mlflow.json`: what it has already.

The launcher reads the marker to leave MLflow alone where nothing is new; nothing here imports it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.config.tracking import Tracking
from app.durable.atomic import write_text
from app.tracking.store import SQLITE, Store
from app.tracking.sweep_ledger import SweepLedger, digest_of

MARKER = "mlflow.json"
FILES = ("plan.tsv", "runs.tsv", "metrics_global.tsv", "report.md", "report.html")
PLOTS = "plots"


def sweep_files(folder: Path) -> list[tuple[Path, str | None]]:
    """The files there are, each with its folder among the artifacts."""
    files: list[tuple[Path, str | None]] = [(folder / name, None) for name in FILES]
    files += [(path, PLOTS) for path in sorted((folder / PLOTS).glob("*"))]
    return [(path, place) for path, place in files if path.is_file()]


def files_digest(files: list[tuple[Path, str | None]]) -> str:
    """Of names and contents."""
    told = [[path.name, hashlib.blake2b(path.read_bytes()).hexdigest()] for path, _ in files]
    return digest_of(told)


def is_recorded(folder: Path, tracking: Tracking, project: Path) -> bool:
    """Whether the store had all of this sweep as it is now, when it was last written."""
    store = Store.resolve(tracking.uri, project)
    if store.uri.startswith(SQLITE) and not Path(store.uri.removeprefix(SQLITE)).exists():
        return False
    digest = read_marker(folder).get("digest")
    return digest is not None and digest == _digest(SweepLedger(folder), store, folder)


def read_marker(folder: Path) -> dict[str, Any]:
    """`store`, `run_id` and `page` of the sweep, `pages` of its runs (run_id -> page below the
    address of an MLflow server), and `digest` once all was recorded; empty before."""
    try:
        marker: dict[str, Any] = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return marker


def write_marker(
    folder: Path, ledger: SweepLedger, store: Store, is_all: bool, **told: Any
) -> None:
    """Says where the store has the sweep, and whether it has all of it."""
    marker = {"store": _without_password(store.uri), **told}
    if is_all:
        marker["digest"] = _digest(ledger, store, folder)
    write_text(folder / MARKER, json.dumps(marker, indent=1) + "\n")


def _digest(ledger: SweepLedger, store: Store, folder: Path) -> str:
    runs = {run_id: [run.status, run.digest] for run_id, run in ledger.runs.items()}
    return digest_of([store.uri, ledger.outcome(), runs, files_digest(sweep_files(folder))])


def _without_password(uri: str) -> str:
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri
