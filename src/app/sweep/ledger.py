"""The ledger of a sweep: its journal, the only truth about which run did what.

    event       fields
    sweep       sweep_id, exp_id, command, program, config (of the sweep without its axes)
    planned     run_id, position, key, repeat, base_seed, seed, overrides, axes, kind, resource,
                families
    supervised  host, pid, process_started, parallel, max_ram_gb, backend, fingerprint, source
                (each command)
    started     run_id, attempt, backoff, folder, ram_gb        (before the process exists)
    running     run_id, attempt, host, pid, process_started
    ended       run_id, attempt, status, exit_code, seconds, cpu_s, peak_gb, error, value,
                metrics, quality_flags, record, cached_stages
    backoff     run_id, level, change        (after an `oom`: how the next attempt is smaller)
    skipped     run_id, status, because
    retried     run_id                                           (superior.retry_failed)
    stopped     reason                                          (each command that ended)

Statuses that an `ended` carries: ok, failed, oom, timeout, killed, and interrupted (the sweep was
stopped, the run goes on with the next command). Statuses of `skipped`: skipped_oom,
aborted_oom_policy, skipped_repeats, pruned.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.durable.journal import Journal, read_events
from app.errors import SweepError
from app.sweep.signals import held

LEDGER = "ledger.jsonl"
PLANNED = (  # fields of RunState that the plan decides
    "run_id", "position", "key", "repeat", "base_seed", "seed", "overrides", "axes", "kind",
    "resource", "families",
)  # fmt: skip
ENDED = ("ok", "failed", "oom", "timeout", "killed")
SKIPPED = ("skipped_oom", "aborted_oom_policy", "skipped_repeats", "pruned")
RETRIED = (*ENDED[1:], "skipped_oom", "aborted_oom_policy")  # with superior.retry_failed


@dataclass
class RunState:
    """One run as the ledger tells it."""

    run_id: str
    position: int  # in the plan, from 0
    key: str  # of its resolved config, without the seed a repeat gets
    repeat: int  # from 0
    seed: int | None
    overrides: list[str]
    axes: dict[str, str]  # axis -> value of this run
    kind: str  # runs of one kind need about the same memory and time
    resource: str  # light, medium or heavy
    families: list[str]
    base_seed: int | None = None  # that of its config, which `seed` follows from
    status: str = "planned"  # planned, running, interrupted, those of ENDED and of SKIPPED
    attempt: int = 0  # of the last start; 0: never started
    backoff: int = 0  # times its work was made smaller, or its slot bigger
    changes: list[dict[str, Any]] = field(default_factory=list)  # of each backoff
    folder: str = ""  # below the sweep's
    ram_gb: float = 0.0  # admitted with
    host: str = ""
    pid: int = 0
    process_started: float = 0.0
    started_ns: int = 0  # wall clock
    ended_ns: int = 0
    exit_code: int | None = None
    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_gb: float = 0.0  # resident memory of its whole process tree
    error: str = ""
    value: Any = None  # what the task returned
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)  # model -> name -> score
    quality_flags: list[str] = field(default_factory=list)  # "tfidf_nb: low_accuracy"
    record: str = ""  # BLAKE2b of its record.jsonl
    cached_stages: list[str] = field(default_factory=list)
    because: str = ""  # of a skipped run
    kills: int = 0  # attempts ended by a kill from outside

    @property
    def is_final(self) -> bool:
        return self.status in ENDED or self.status in SKIPPED

    @property
    def quality_ok(self) -> bool:
        return not self.quality_flags


@dataclass
class SweepState:
    """A whole sweep as its ledger tells it."""

    sweep_id: str = ""
    exp_id: str = ""
    command: str = ""
    program: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, RunState] = field(default_factory=dict)  # run_id -> run, by position
    supervisor: dict[str, Any] = field(default_factory=dict)  # the last `supervised`
    stopped: str = ""  # the last reason; empty while a supervisor is at work, or was killed
    events: int = 0

    def apply(self, event: dict[str, Any]) -> None:
        """Takes one event into account."""
        self.events += 1
        match event["event"]:
            case "sweep":
                self.sweep_id, self.exp_id = event["sweep_id"], event["exp_id"]
                self.command, self.config = event["command"], event["config"]
                self.program = event.get("program")
            case "planned":
                known = {item.name for item in fields(RunState)}
                told = {key: value for key, value in event.items() if key in known}
                self.runs[event["run_id"]] = RunState(**told)
            case "supervised":
                self.supervisor, self.stopped = event, ""
            case "stopped":
                self.stopped = event["reason"]
            case "started":
                run = self.runs[event["run_id"]]
                _take(run, event)
                run.status, run.started_ns, run.error = "running", event["ts_ns"], ""
                run.pid = 0
            case "running":
                _take(self.runs[event["run_id"]], event)
            case "ended":
                run = self.runs[event["run_id"]]
                _take(run, event)
                run.ended_ns = event["ts_ns"]
                run.kills += run.status == "killed"
            case "backoff":
                run = self.runs[event["run_id"]]
                run.status, run.backoff = "planned", event["level"]
                run.changes.append(event["change"])
            case "skipped":
                _take(self.runs[event["run_id"]], event)
                self.runs[event["run_id"]].ended_ns = event["ts_ns"]
            case "retried":
                self.runs[event["run_id"]].status = "planned"

    def counts(self) -> dict[str, int]:
        """status -> number of runs."""
        told: dict[str, int] = {}
        for run in self.runs.values():
            told[run.status] = told.get(run.status, 0) + 1
        return told


def _take(run: RunState, event: dict[str, Any]) -> None:
    for key, value in event.items():
        if key not in ("ts_ns", "event", "run_id"):
            setattr(run, key, value)


def fold(events: Iterable[dict[str, Any]]) -> SweepState:
    """The state that events make."""
    state = SweepState()
    for event in events:
        state.apply(event)
    return state


def read_state(folder: Path) -> SweepState:
    """The state of the sweep in `folder`; a supervisor may be writing its ledger."""
    return fold(read_events(folder / LEDGER))


class Ledger:
    """The ledger open for writing, and the state that it tells, by one supervisor."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / LEDGER)
        self.folder = folder
        self.state = fold(read_events(folder / LEDGER))

    def append(self, event: str, *, durable: bool = False, **told: Any) -> None:
        """Writes one event, then takes it into account."""
        with held():
            with self._writing():
                self.journal.append(event, durable=durable, **told)
            self.state.apply({"ts_ns": time.time_ns(), "event": event, **told})

    def runs(self) -> Iterator[RunState]:
        yield from self.state.runs.values()

    def close(self) -> None:
        with held(), self._writing():
            self.journal.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SweepError(
                f"{self.journal.path} cannot be written: {error.strerror}; the sweep cannot go on\n"
                "  what it told before is whole: once there is room, the same command goes on"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
