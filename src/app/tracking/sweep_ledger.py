"""The ledger of a sweep as far as MLflow shows it, read on while the sweep writes it.

Events and their fields: `app.sweep.ledger`. An `ended` is final but for the status interrupted,
until the run starts again.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.config.tracking import Tracking
from app.durable.process import ProcessId
from app.durable.sealed import SEAL, Event
from app.errors import InputError

LEDGER = "ledger.jsonl"
ENDED = ("ok", "failed", "oom", "timeout", "killed")


@dataclass
class LedgerRun:
    """One run: what it is, and how its last attempt went."""

    planned: Event
    status: str = "planned"
    started: Event = field(default_factory=dict)  # empty: never
    ended: Event | None = None  # None unless this outcome stands
    skipped: Event | None = None  # why it is not to be run
    changes: list[Any] = field(default_factory=list)  # of each backoff
    source: dict[str, str] = field(default_factory=dict)  # tags: the code of its command

    @property
    def digest(self) -> str | None:
        """Of the event that ended it; None while it is to be run."""
        return None if self.ended is None else digest_of(self.ended)


class SweepLedger:
    """The events so far. `read_on` takes in what was appended since."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        if not self.path.is_file():
            raise InputError(f"{folder} is no sweep's folder: it has no {LEDGER}")
        self.sweep: Event = {}
        self.runs: dict[str, LedgerRun] = {}
        self.supervised: Event = {}
        self.stopped = ""  # why the last command ended; empty while it works, or was killed
        self.last_ms = 0  # when the last event happened
        self._read = 0  # bytes
        self.read_on()
        if not self.sweep:
            raise InputError(f"{self.path} does not say which sweep it is of; was it cut?")

    def read_on(self) -> set[str]:
        """The ids of the runs of which something new is told."""
        concerned = set()
        for event in self._new_events():
            self._apply(event)
            if "run_id" in event:
                concerned.add(event["run_id"])
        return concerned

    def tracking(self) -> Tracking:
        """The config under which the sweep was started."""
        try:
            return Tracking.model_validate(self.sweep["config"]["tracking"])
        except (KeyError, ValidationError) as error:
            raise InputError(f"{self.path}: the sweep's config has no valid tracking") from error

    def supervisor(self) -> ProcessId | None:
        """The process that works at the sweep; None where no command is at work."""
        if self.stopped or not self.supervised:
            return None
        told = self.supervised
        process = ProcessId(told["host"], told["pid"], told["process_started"])
        return None if process.is_gone() else process

    def outcome(self) -> tuple[str, str]:
        """How the sweep ended, as a status of MLflow, and why where it is not FINISHED."""
        left = sum(run.ended is None and run.skipped is None for run in self.runs.values())
        if not self.stopped:
            return "KILLED", "killed: the supervisor vanished; the same command goes on"
        if left:
            return "KILLED", f"{self.stopped}; {left} of {len(self.runs)} runs are to be done"
        return "FINISHED", ""

    def counts(self) -> dict[str, int]:
        """status -> number of runs."""
        told: dict[str, int] = {}
        for run in self.runs.values():
            told[run.status] = told.get(run.status, 0) + 1
        return told

    def axes(self) -> dict[str, list[str]]:
        """axis -> its values, in the order of the plan."""
        told: dict[str, list[str]] = {}
        for run in self.runs.values():
            for axis, value in run.planned["axes"].items():
                values = told.setdefault(axis, [])
                if value not in values:
                    values.append(value)
        return told

    def _new_events(self) -> Iterator[Event]:
        with self.path.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):  # being written, or cut on resume
                    return
                self._read += len(line)
                if line.startswith(SEAL):
                    continue
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise InputError(
                        f"{self.path}: the line before byte {self._read} is no event; "
                        f"`kedro verify {self.path}` names what was changed"
                    ) from error

    def _apply(self, event: Event) -> None:
        self.last_ms = event["ts_ns"] // 1_000_000
        kind = event["event"]
        if kind == "planned":
            self.stopped = ""
            self.runs.setdefault(event["run_id"], LedgerRun(event)).planned = event
        elif kind == "sweep":
            self.sweep = event
        elif kind == "supervised":
            self.supervised, self.stopped = event, ""
        elif kind == "stopped":
            self.stopped = event["reason"]
        elif kind in ("started", "ended", "backoff", "skipped", "retried"):
            self._apply_to_run(self.runs[event["run_id"]], event)

    def _apply_to_run(self, run: LedgerRun, event: Event) -> None:
        run.ended = run.skipped = None
        match event["event"]:
            case "started":
                self.stopped = ""
                run.started, run.status = event, "running"
                run.source = self.supervised.get("source", {})
            case "ended":
                run.status = event["status"]
                run.ended = event if event["status"] in ENDED else None
            case "backoff":
                run.status = "planned"
                run.changes.append(event["change"])
            case "skipped":
                run.status, run.skipped = event["status"], event
            case "retried":
                run.status = "planned"


def digest_of(value: object) -> str:
    """BLAKE2b of a JSON value."""
    written = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(written.encode(), digest_size=16).hexdigest()
