"""Sweeps whose ledgers are written by hand, and what MLflow has of them."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.sweep.ledger import Ledger
from app.tracking.store import SQLITE, Store
from app.tracking.sweep import SweepProjection

ENDED: dict[str, Any] = {
    "attempt": 1,
    "exit_code": 0,
    "seconds": 1.5,
    "cpu_s": 1.2,
    "peak_gb": 0.25,
    "error": "",
    "value": None,
    "metrics": {},
    "quality_flags": [],
    "record": "",
    "cached_stages": [],
}


@dataclass
class HandMadeSweep:
    """A project with a sweep's folder; `run_folder` is copied for runs that leave a record."""

    project: Path
    run_folder: Path

    @property
    def folder(self) -> Path:
        return self.project / "data" / "superior" / "exp"

    @property
    def uri(self) -> str:
        return f"{SQLITE}{self.project / 'mlruns' / 'mlflow.db'}"

    def begin(self, runs: int = 3) -> Ledger:
        """A ledger with this many planned runs, r0, r1, ...; the axis is `balance`."""
        ledger = Ledger(self.folder)
        tracking = {"experiment": "sweeps", "uri": self.uri}
        config = {"pipeline": "mini", "split": {"train_prop": 0.8}, "tracking": tracking}
        ledger.append("sweep", sweep_id="f00d", exp_id="exp", command="python -m", config=config)
        for number in range(runs):
            axes = {"balance": ("none", "oversample")[number % 2]}
            ledger.append(
                "planned",
                run_id=f"r{number}",
                position=number,
                key=f"key{number}",
                repeat=number // 2,
                seed=7,
                overrides=[],
                axes=axes,
                kind="k",
                resource="light",
                families=["toy"],
            )
        self.supervise(ledger)
        return ledger

    def supervise(self, ledger: Ledger, pid: int = 1, started: float = 1.0) -> None:
        import socket

        told = {"host": socket.gethostname(), "pid": pid, "process_started": started}
        ledger.append("supervised", parallel=1, max_ram_gb=2.0, backend="local", **told)

    def run(self, ledger: Ledger, run_id: str, status: str = "ok", **told: Any) -> None:
        """Starts and ends a run; it leaves a record but when it was killed."""
        attempt = ledger.state.runs[run_id].attempt + 1
        folder = self.folder / "runs" / run_id
        ledger.append(
            "started",
            run_id=run_id,
            attempt=attempt,
            backoff=0,
            folder=f"runs/{run_id}",
            ram_gb=0.5,
        )
        if status in ("ok", "failed"):
            shutil.copytree(self.run_folder, folder, dirs_exist_ok=True)
            content = (folder / "record.jsonl").read_bytes()
            told.setdefault("record", hashlib.blake2b(content, digest_size=16).hexdigest())
        ended = {**ENDED, "attempt": attempt, "status": status, **told}
        ledger.append("ended", run_id=run_id, **ended)

    def whole(self) -> "HandMadeSweep":
        """Three runs, ok, failed and killed, and the sweep's end."""
        with self.begin() as ledger:
            self.run(ledger, "r0")
            self.run(ledger, "r1", "failed", error="InputError: no", quality_flags=["m: low_x"])
            self.run(ledger, "r2", "killed", metrics={"m": {"accuracy": 0.5}})
            ledger.append("stopped", reason="finished")
        (self.folder / "report.html").write_text("<h1>The sweep</h1>")
        (self.folder / "plots").mkdir()
        (self.folder / "plots" / "curve.png").write_bytes(b"png")
        return self

    def sync(self) -> SweepProjection:
        """What `kedro mlflow-sync` does, in this process."""
        projection = SweepProjection(self.folder, self.project)
        projection.make_equal()
        projection.end()
        return projection

    def runs(self) -> dict[str, list[Any]]:
        """superior.run -> runs in MLflow; those of the sweep itself under ''."""
        found: dict[str, list[Any]] = {}
        client = self.client()
        experiments = [item.experiment_id for item in client.search_experiments()]
        for run in client.search_runs(experiments, max_results=5000):
            found.setdefault(run.data.tags.get("superior.run", ""), []).append(run)
        return found

    def client(self) -> Any:
        from app.tracking.store import connect

        return connect(Store.resolve(self.uri, self.project))


def hand_made(project: Path, run_folder: Path, empty_store: Path) -> HandMadeSweep:
    """A project with an empty MLflow database, and no sweep yet."""
    (project / "mlruns").mkdir(parents=True)
    shutil.copy(empty_store, project / "mlruns" / "mlflow.db")
    return HandMadeSweep(project, run_folder)
