"""How a sweep stands: its status, how much is done, and when the rest will be."""

import time
from dataclasses import dataclass
from typing import Literal

from app.durable.process import ProcessId
from app.sweep.ledger import SKIPPED, RunState, SweepState

FAILURES = ("failed", "oom", "timeout", "killed")


@dataclass(frozen=True)
class Status:
    """The status of a sweep now."""

    name: Literal["planned", "running", "finished", "stopped", "killed"]
    reason: str  # why it stopped; where it runs
    total: int
    done: int  # ended or skipped for good
    failures: int  # failed, oom, timeout, killed
    skipped: int
    last_ns: int  # wall clock of the last thing a run or a supervisor did
    eta_s: float | None  # of a sweep with runs left; None where nothing was measured yet

    @property
    def left(self) -> int:
        return self.total - self.done


def status_of(state: SweepState) -> Status:
    """The status as the ledger and this machine's processes tell it."""
    counts = state.counts()
    total = len(state.runs)
    done = sum(run.is_final for run in state.runs.values())
    name, reason = _name(state, total > 0 and done == total)
    moments = [max(run.started_ns, run.ended_ns) for run in state.runs.values()]
    return Status(
        name=name,
        reason=reason,
        total=total,
        done=done,
        failures=sum(counts.get(status, 0) for status in FAILURES),
        skipped=sum(counts.get(status, 0) for status in SKIPPED),
        last_ns=max([int(state.supervisor.get("ts_ns", 0)), *moments]),
        eta_s=eta_s(state),
    )


def eta_s(state: SweepState, now_ns: int | None = None) -> float | None:
    """Seconds until the runs that are left will have ended: the mean duration of finished runs of
    the same kind (of any kind, where there is none yet) for each, over the runs at a time."""
    means = _mean_seconds(state)
    left = [run for run in state.runs.values() if not run.is_final]
    if not left:
        return 0.0
    if not means:
        return None
    now = time.time_ns() if now_ns is None else now_ns
    seconds = 0.0
    for run in left:
        expected = means.get(run.kind, means[""])
        if run.status == "running":
            expected = max(expected - (now - run.started_ns) / 1e9, 0.0)
        seconds += expected
    at_a_time = min(int(state.supervisor.get("parallel") or 1), len(left))
    return seconds / at_a_time


def _mean_seconds(state: SweepState) -> dict[str, float]:
    """kind -> mean seconds of its finished runs; "" for all of them."""
    told: dict[str, list[float]] = {}
    for run in state.runs.values():
        if run.status == "ok":
            told.setdefault(run.kind, []).append(run.seconds)
            told.setdefault("", []).append(run.seconds)
    return {kind: sum(seconds) / len(seconds) for kind, seconds in told.items()}


def _name(
    state: SweepState, is_done: bool
) -> tuple[Literal["planned", "running", "finished", "stopped", "killed"], str]:
    if is_done:
        return "finished", ""
    if not state.supervisor:
        return "planned", "nothing was started"
    if state.stopped:
        return "stopped", state.stopped
    told = state.supervisor
    process = ProcessId(told["host"], told["pid"], told["process_started"])
    where = f"process {process.pid} on {process.host}"
    return ("killed", f"its {where} is gone") if process.is_gone() else ("running", where)


def busy_seconds(runs: list[RunState]) -> float:
    """Wall clock during which at least one run was at work; pauses of the sweep do not count."""
    spans = sorted((run.started_ns, run.ended_ns) for run in runs if run.attempt and run.ended_ns)
    total, until = 0, 0
    for start, end in spans:
        total += max(end - max(start, until), 0)
        until = max(until, end)
    return total / 1e9
