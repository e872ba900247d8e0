"""What the journal of a run tells of its earlier processes: the time they spent, the phases they
finished, and the last one that never said how it ended."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.durable.journal import read_events
from app.durable.status import STATUS, read_status
from app.errors import InputError

LAST_EVENTS = 20  # kept for a post-mortem
NEW_BUDGET = ("complete", "deadline")  # causes of an end after which the next command has its own

TOLD_BY_THE_RUN = {  # events that carry spent_s, phases_s, percent; others may call theirs so too
    "HEARTBEAT", "TIME_BUDGET_STATE", "GLOBAL_PROGRESS_REALTIME", "PHASE_START", "PHASE_END",
    "EXEC_COMPLETE",
}  # fmt: skip

Event = dict[str, Any]


@dataclass
class History:
    """A run as its journal tells it.

    The time of a process that was killed is counted to its last event, which is at most one
    heartbeat before its end.
    """

    run_id: str = ""
    spent_s: float = 0.0  # of the present budget
    phases_s: dict[str, float] = field(default_factory=dict)  # of the same
    rehearsed_s: dict[str, float] = field(default_factory=dict)  # reserved phases, done early
    done: list[str] = field(default_factory=list)  # phases that are finished
    boot: Event | None = None  # of a process that never said how it ended
    phase: str = ""  # at work at the last event
    percent: float = 0.0
    phase_percent: float = 0.0
    cursor: dict[str, Any] = field(default_factory=dict)
    last_ns: int = 0  # wall clock of the last event
    last: deque[Event] = field(default_factory=lambda: deque(maxlen=LAST_EVENTS))

    def apply(self, event: Event) -> None:
        """Takes one event into account."""
        if self.boot is not None and event["event"] != "BOOT":
            self._pass_time(max(event["ts_ns"] - self.last_ns, 0) / 1e9)
        self.last_ns = event["ts_ns"]
        self.last.append(event)
        if event["event"] in TOLD_BY_THE_RUN:
            self.spent_s = event.get("spent_s", self.spent_s)
            self.phases_s = event.get("phases_s", self.phases_s)
            self.percent = event.get("percent", self.percent)
            self.phase_percent = event.get("phase_percent", self.phase_percent)
        match event["event"]:
            case "BOOT":
                self.run_id, self.boot = event["run_id"], event
                self.phase, self.percent, self.phase_percent, self.cursor = "", 0.0, 0.0, {}
            case "PHASE_START":
                self.phase, self.phase_percent = event["phase"], 0.0
                order = list(event["phases"])
                before = order[: order.index(self.phase)]
                self.done = [name for name in self.done if name in before]
            case "PHASE_END":
                self.phase = ""
                if event["done"]:
                    self.done.append(event["phase"])
            case "REHEARSAL":
                self.rehearsed_s[event["phase"]] = event["seconds"]
            case "TRAIN_CURSOR":
                self.cursor = event.get("cursor", {})
            case "EXEC_COMPLETE":
                self.boot = None
                if event["whole"]:
                    self.done = []
                if event["cause"] in NEW_BUDGET:
                    self.spent_s, self.phases_s = 0.0, {}

    def _pass_time(self, seconds: float) -> None:
        self.spent_s += seconds
        if self.phase:
            self.phases_s = {
                **self.phases_s,
                self.phase: self.phases_s.get(self.phase, 0.0) + seconds,
            }


def spent_before(folder: Path, history: History) -> float:
    """Seconds that earlier processes have spent of the present budget. The status of one that was
    killed is newer than its last event."""
    if history.boot is None:
        return history.spent_s
    try:
        status = read_status(folder / STATUS)
    except InputError:
        return history.spent_s
    killed = history.boot["pid"], history.boot["process_started"], history.boot["host"]
    told = status.pid, status.process_started, status.host
    return max(history.spent_s, status.spent_s) if told == killed else history.spent_s


def history_of(events: Iterable[Event]) -> History:
    """The history that these events make."""
    history = History()
    for event in events:
        history.apply(event)
    return history


def read_history(journal: Path) -> History:
    """The history of the run that keeps this journal; an empty one where there is none."""
    return history_of(read_events(journal)) if journal.exists() else History()
