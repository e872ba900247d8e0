"""What a durable run tells while it works: events now and then, signs of life, and `status.json`.

    every call     the caller's own events, each held against the computed progress
    0.5 s          status.json, and buffered events go to the operating system
    10 s           GLOBAL_PROGRESS_REALTIME, TRAIN_CURSOR, TIME_BUDGET_STATE; HEARTBEAT
    silence        STALL_ALERT

The loop's thread tells of each advance, the heartbeat's thread of long calls between two.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import psutil

from app.durable.governor import ENDLESS, Governor
from app.durable.history import LAST_EVENTS
from app.durable.journal import Journal
from app.durable.phases import PhaseProgress
from app.durable.process import ProcessId
from app.durable.profile import TimeUse
from app.durable.stall import StallWatch
from app.durable.status import STATUS, State, Status, now, write_status

STATUS_EVERY_S = 0.5
EVENTS_EVERY_S = 10.0
SPEED_OVER = 20  # of the last statuses
ENOUGH = 0.005  # of a phase, to tell its end from


@dataclass(frozen=True)
class Identity:
    """Which run this is, and which process of it."""

    run: str
    run_id: str
    study: str
    process: ProcessId
    boot: dict[str, Any] = field(default_factory=dict)  # the event it began with


class Telling:
    """Tells of one process of a run."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        journal: Journal,
        governor: Governor,
        progress: PhaseProgress,
        use: TimeUse,
        in_seconds: bool,
    ) -> None:
        """`in_seconds`: whether the weights of `progress` are measured seconds."""
        self.identity = identity
        self.cursors: dict[str, dict[str, Any]] = {}  # phase -> where its loop is
        self.last: deque[dict[str, Any]] = deque(maxlen=LAST_EVENTS)
        self.phase = ""  # at work, or the last that was
        self._path, self._journal = folder / STATUS, journal
        self._governor, self.progress, self.use = governor, progress, use
        self._in_seconds = in_seconds
        self.expected_s = dict(progress.weights) if in_seconds else {}
        self.reached: dict[str, float] = {}  # phase -> what its loop told last, of its own target
        self._lock = RLock()
        self._system = psutil.Process()
        self._started = now()
        self._unit, self._marks = "", deque[tuple[float, float]](maxlen=SPEED_OVER)
        self._began = time.monotonic()  # the phase
        self._first: dict[str, tuple[float, float]] = {}  # phase -> when its loop told first, what
        self._latest: dict[str, tuple[float, float]] = {}
        self._status_due = self._events_due = 0.0
        self._stall = StallWatch(time.monotonic())

    def event(self, name: str, *, durable: bool = False, **fields: Any) -> None:
        """One event; a share of the work in it is held against the computed one."""
        started = time.perf_counter()
        self._journal.append(name, durable=durable, **fields)
        self.last.append({"ts_ns": time.time_ns(), "event": name, **fields})
        if "percent" in fields:
            self._check(name, fields["percent"] / 100.0, None)
        if "phase_percent" in fields and self._governor.current:
            self._check(name, fields["phase_percent"] / 100.0, self._governor.current)
        self.use.log_s += time.perf_counter() - started

    def begin(self, phase: str) -> None:
        """A phase starts."""
        self.phase = phase
        self.cursors.pop(phase, None)
        self._began = time.monotonic()
        self._first.pop(phase, None)
        self._marks.clear()
        self._stall.advanced(time.monotonic())
        self.event("PHASE_START", phase=phase, phases=list(self.progress.weights), **self.spent())
        self.tick(force=True)

    def end(self, phase: str, *, done: bool, cut: bool) -> None:
        """A phase was left: done, or cut short by its deadline, or by an error."""
        self.use.leave(phase, time.monotonic() - self._began)
        self.event(
            "PHASE_END",
            phase=phase,
            done=done,
            cut=cut,
            fraction=self.progress.fractions[phase],
            percent=self.percent,
            **self.spent(),
        )

    def advanced(
        self,
        fraction: float,
        cursor: Mapping[str, Any] | None,
        units: Mapping[str, float] | None,
    ) -> None:
        """The loop of the phase has come so far."""
        moment = time.monotonic()
        self._stall.advanced(moment)
        self.reached[self.phase] = fraction
        self._latest[self.phase] = (moment, fraction)
        self._first.setdefault(self.phase, (moment, fraction))  # one resumed begins in the middle
        if cursor is not None:
            self.cursors[self.phase] = dict(cursor)
        if units and not self._unit:
            self._unit = next(iter(units))

    def check_fraction(self, told: float, computed: float) -> None:
        """A loop's word about its phase, against its cursor."""
        if abs(told - computed) > 0.01:
            self._alert("advance", told, computed)

    @property
    def cursor(self) -> dict[str, Any]:
        """Where the loop of the phase is; empty for a phase that has none."""
        return self.cursors.get(self.phase, {})

    @property
    def percent(self) -> float:
        return 100.0 * self.progress.shown

    @property
    def phase_percent(self) -> float:
        return 100.0 * self.progress.fractions.get(self.phase, 0.0)

    @property
    def blocking(self) -> str:
        """The first phase that is not done; "" where all are."""
        undone = (name for name, done in self.progress.fractions.items() if done < 1.0)
        return self.phase if self.phase_percent < 100.0 else next(undone, "")

    def tick(self, *, force: bool = False) -> bool:
        """Tells what is due; whether anything was."""
        moment = time.monotonic()
        if not force and moment < self._status_due:
            return False
        with self._lock:
            self._status_due = moment + STATUS_EVERY_S
            self._marks.append((moment, self.use.units.get(self._unit, 0.0)))
            if moment >= self._events_due:
                self._events_due = moment + EVENTS_EVERY_S
                self._tell_progress()
            with self.use.io():
                self._journal.flush()
                write_status(self._path, self.status("running"))
        return True

    def beat(self) -> None:
        """A sign of life, from the heartbeat's thread."""
        moment = time.monotonic()
        silent_s = self._stall.silence(moment)
        with self._lock:
            self.event(
                "HEARTBEAT",
                phase=self.phase,
                percent=self.percent,
                phase_percent=self.phase_percent,
                silent_s=round(silent_s, 3),
                rss_mb=self._rss_mb(),
                **self.spent(),
            )
            if self._stall.stalled(moment):
                self.event(
                    "STALL_ALERT", phase=self.phase, silent_s=round(silent_s, 3), cursor=self.cursor
                )
        self.tick()

    def status(self, state: State) -> Status:
        """The content of `status.json` now."""
        who, budget, ended = self.identity, self._governor.total_s, state != "running"
        return Status(
            run=who.run,
            run_id=who.run_id,
            study=who.study,
            pid=who.process.pid,
            process_started=who.process.started,
            host=who.process.host,
            state=state,
            phase=self.phase,
            percent=round(self.percent, 3),
            phase_percent=round(self.phase_percent, 3),
            cursor=self.cursor,
            eta_s=0.0 if state == "finished" else None if ended else self.eta_s(),
            speed=self.speed(),
            unit=self._unit,
            rss_mb=self._rss_mb(),
            spent_s=round(self._governor.spent(), 3),
            budget_s=budget,
            budget_left_s=finite(self._governor.left()),
            started=self._started,
            updated=now(),
            ended=now() if ended else None,
        )

    def speed(self) -> float | None:
        """Units per second, over the last seconds."""
        if len(self._marks) < 2:
            return None
        (start, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) / (end - start) if end > start else None

    def eta_s(self) -> float | None:
        """Seconds until the phases are done: the one at work at its speed in this process, the
        others as long as was measured, or as their weight against it says."""
        weights, fractions = self.progress.weights, self.progress.fractions
        here, weight = fractions.get(self.phase, 0.0), weights.get(self.phase, 0.0)
        whole = self._whole_s(self.phase)
        if whole is None and not self._in_seconds:
            return None
        second = 1.0 if self._in_seconds else (whole or 0.0) / weight if weight else 0.0
        rest = sum(
            (1.0 - fractions[name]) * cost * second
            for name, cost in weights.items()
            if name != self.phase
        )
        rest += (1.0 - here) * (weight * second if whole is None else whole)
        return round(max(min(rest, self._governor.left()), 0.0), 3)

    def left_s(self) -> dict[str, float]:
        """phase -> seconds that its own target is away, of those under way, at this process's
        speed."""
        return {
            phase: (1.0 - reached) * whole
            for phase, reached in self.reached.items()
            if reached < 1.0 and (whole := self._whole_s(phase)) is not None
        }

    def _whole_s(self, phase: str) -> float | None:
        """Seconds that all of a phase takes at this process's speed; None: it told too little."""
        if phase not in self._first:
            return None
        (began, first), (latest, here) = self._first[phase], self._latest[phase]
        return (latest - began) / (here - first) if here - first > ENOUGH else None

    def measured_s(self) -> dict[str, float]:
        """What reserved phases cost, as far as it was measured by doing them early."""
        return self._governor.measured_s()

    def _tell_progress(self) -> None:
        self.event(
            "GLOBAL_PROGRESS_REALTIME",
            phase=self.phase,
            percent=self.percent,
            phase_percent=self.phase_percent,
            eta_s=self.eta_s(),
            speed=self.speed(),
            unit=self._unit,
        )
        self.event("TRAIN_CURSOR", phase=self.phase, cursor=self.cursor)
        self.event(
            "TIME_BUDGET_STATE",
            budget_s=self._governor.total_s,
            left_s=finite(self._governor.left()),
            left_in_phase_s=finite(self._governor.left_in_phase()),
            reserved_s=self._governor.reserved(),
            **self.spent(),
        )

    def _check(self, event: str, told: float, phase: str | None) -> None:
        away = self.progress.disagreement(told, phase)
        if away is not None:
            self._alert(event, told, told - away)

    def _alert(self, event: str, told: float, computed: float) -> None:
        fields: dict[str, Any] = {
            "told_by": event,
            "told": 100.0 * told,
            "computed": 100.0 * computed,
        }
        self._journal.append("PROGRESS_INTEGRITY_ALERT", **fields)
        self.last.append({"ts_ns": time.time_ns(), "event": "PROGRESS_INTEGRITY_ALERT", **fields})

    def spent(self) -> dict[str, Any]:
        """Of the budget: in all, and by phase."""
        return {"spent_s": self._governor.spent(), "phases_s": self._governor.phases_s()}

    def _rss_mb(self) -> float:
        return round(self._system.memory_info().rss / 1e6, 1)


def finite(seconds: float) -> float | None:
    """JSON has no infinity: null where there is no limit."""
    return None if seconds == ENDLESS else round(seconds, 3)


def this_process() -> ProcessId:
    """The process that runs this."""
    process = ProcessId.of(os.getpid())
    assert process is not None  # it is there: it asks
    return process
