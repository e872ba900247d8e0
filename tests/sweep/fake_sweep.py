"""Ledgers of sweeps that never ran: a grid of runs with plausible ends."""

import itertools
import os
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.durable.process import ProcessId
from app.sweep.ledger import Ledger, SweepState

AXES = {
    "dataset": ["fr_mariagepourtous", "at_parlamint"],
    "balance": ["none", "oversample"],
    "models": ["tfidf_nb", "tfidf_logreg"],
}
START_NS = 1_763_600_000_000_000_000
COMMAND = "python -m app -m dataset=fr_mariagepourtous,at_parlamint balance=none,oversample"

Event = dict[str, Any]


def combos(axes: Mapping[str, list[str]], repeats: int) -> Iterator[tuple[dict[str, str], int]]:
    for values in itertools.product(*axes.values()):
        for repeat in range(repeats):
            yield dict(zip(axes, values, strict=True)), repeat


def planned(axes: Mapping[str, list[str]], repeats: int = 3) -> list[Event]:
    """The `planned` events of a grid."""
    runs = []
    for number, (chosen, repeat) in enumerate(combos(axes, repeats)):
        key = f"{number // repeats:012x}"
        runs.append(
            {
                "run_id": f"{key}_r{repeat}",
                "position": number // repeats,
                "key": key,
                "repeat": repeat,
                "seed": 1000 + repeat,
                "overrides": [f"{axis}={value}" for axis, value in chosen.items()],
                "axes": chosen,
                "kind": chosen.get("models", "run"),
                "resource": "light",
                "families": ["sklearn"],
            }
        )
    return runs


def supervisor(gone: bool = False) -> Event:
    here = ProcessId.of(os.getpid())
    assert here is not None
    return {
        "host": here.host,
        "pid": here.pid,
        "process_started": here.started - (3600 if gone else 0),
        "parallel": 2,
        "max_ram_gb": 6.4,
        "backend": "local",
    }


def started(run: Event, attempt: int = 1, **told: Any) -> Event:
    folder = f"runs/{run['run_id']}"
    fields = {"attempt": attempt, "backoff": 0, "folder": folder, "ram_gb": 0.5}
    return {"run_id": run["run_id"], **fields, **told}


def ended(run: Event, status: str = "ok", **told: Any) -> Event:
    fields: Event = {
        "attempt": 1, "status": status, "exit_code": 0 if status == "ok" else 1,
        "seconds": 10.0, "cpu_s": 9.0, "peak_gb": 0.4, "error": "", "value": None, "metrics": {},
        "quality_flags": [], "record": "", "cached_stages": [],
    }  # fmt: skip
    return {"run_id": run["run_id"], **fields, **told}


def scores(run: Event, model: str, chance: random.Random) -> dict[str, dict[str, float]]:
    base = {"tfidf_nb": 0.68, "tfidf_logreg": 0.74}.get(model, 0.7)
    base += 0.05 * (run["axes"].get("dataset") == "at_parlamint")
    base += 0.03 * (run["axes"].get("balance") == "oversample")
    base += 0.15 * (float(run["axes"].get("split.train_prop", 0.5)) - 0.5)
    found = base + chance.gauss(0, 0.012)
    return {model: {"macro_f1": found, "accuracy": found + 0.03, "n_eval_docs": 1109.0}}


class FakeSweep:
    """A ledger on disk whose events are appended one by one, at times of our own choice."""

    def __init__(self, folder: Path, axes: Mapping[str, list[str]] = AXES, repeats: int = 3):
        self.runs = planned(axes, repeats)
        self.folder, self.ledger = folder, Ledger(folder)
        self.now_ns = START_NS
        self.chance = random.Random(5)
        config = {"superior": {"seed_strategy": "per_repeat", "repeats": repeats}}
        self.tell("sweep", sweep_id="5f1d", exp_id=folder.name, command=COMMAND, config=config)
        for run in self.runs:
            self.tell("planned", **run)

    @property
    def state(self) -> SweepState:
        return self.ledger.state

    def tell(self, event: str, **fields: Any) -> None:
        """Appends one event, as of the sweep's own clock."""
        self.ledger.journal.append(event, **fields)
        self.state.apply({"ts_ns": self.now_ns, "event": event, **fields})

    def supervise(self, gone: bool = False) -> None:
        self.tell("supervised", **supervisor(gone))

    def run(self, run: Event, status: str = "ok", seconds: float = 10.0, **told: Any) -> None:
        """Starts and ends one run."""
        self.tell("started", **started(run))
        log = self.folder / "logs" / f"run_{run['run_id']}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text("what it printed\n", encoding="utf-8")
        self.now_ns += int(seconds * 1e9)
        if status == "ok" and "metrics" not in told and "value" not in told:
            told["metrics"] = scores(run, run["axes"].get("models", "tfidf_nb"), self.chance)
        self.tell("ended", **ended(run, status, seconds=seconds, cpu_s=0.9 * seconds, **told))

    def skip(self, run: Event, status: str, because: str) -> None:
        self.tell("skipped", run_id=run["run_id"], status=status, because=because)


def eventful(folder: Path) -> FakeSweep:
    """24 runs of which one failed, one ran out of memory, two were skipped, and two are poor."""
    sweep = FakeSweep(folder)
    sweep.supervise()
    for number, run in enumerate(sweep.runs):
        seconds = 8.0 + sweep.chance.random() * 9
        if number == 4:
            sweep.run(
                run, "failed", seconds,
                error="InputError: fr/corpus.xml: line 31: not well-formed\n(invalid token)",
            )  # fmt: skip
        elif number == 15:
            sweep.run(
                run, "oom", seconds, exit_code=99, peak_gb=1.52, error="took more than 1.5 GB"
            )
        elif number in (16, 17):
            sweep.skip(run, "skipped_oom", f"{sweep.runs[15]['run_id']} ran out of memory")
        elif number in (0, 1):
            model = run["axes"]["models"]
            flags = [f"{model}: low_accuracy", f"{model}: low_macro_f1"]
            sweep.run(run, "ok", seconds, quality_flags=flags)
        else:
            sweep.run(run, "ok", seconds, peak_gb=0.3 + sweep.chance.random() * 0.2)
    return sweep
