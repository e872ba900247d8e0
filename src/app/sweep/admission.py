"""Which run may start now: enough slots, enough memory, enough time."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.config.scheduler import Scheduler
from app.errors import ConfigError
from app.sweep.ledger import RunState

MARGIN = 1.1  # over the highest measured peak of a kind


@dataclass
class Measured:
    """What finished runs of each kind took: the highest peak (GB), and their times (s)."""

    peak_gb: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Iterable[RunState]) -> "Measured":
        measured = cls()
        for run in runs:
            measured.add(run)
        return measured

    def add(self, run: RunState) -> None:
        if run.status == "ok":
            # a run with stages from the cache needed less than one without: it cannot be the
            # first measure; and one taken over from a killed supervisor was not measured
            if run.peak_gb and (not run.cached_stages or run.kind in self.peak_gb):
                self.peak_gb[run.kind] = max(self.peak_gb.get(run.kind, 0.0), run.peak_gb)
            self.seconds.setdefault(run.kind, []).append(run.seconds)

    def q95_seconds(self, kind: str) -> float | None:
        """Longer than 19 of 20 finished runs of the kind; None before the first."""
        times = sorted(self.seconds.get(kind, []))
        return times[min(int(0.95 * len(times)), len(times) - 1)] if times else None


@dataclass
class Admission:
    """What is admitted, against what there is."""

    scheduler: Scheduler
    slots: int
    max_ram_gb: float
    measured: Measured
    deadline: float | None = None  # of starting and running, on the monotonic clock
    admitted: dict[str, tuple[int, float]] = field(default_factory=dict)  # run_id -> weight, GB

    def ram_gb(self, run: RunState) -> float:
        """Memory that the run is expected to take."""
        limit = self.limit_gb(run)
        if limit is not None and run.backoff:
            return limit  # it takes more than others of its kind
        told = self.measured.peak_gb.get(run.kind)
        expected = self.scheduler.classes[run.resource].ram_gb
        if told is not None:
            expected = min(told * MARGIN, max(told, self.max_ram_gb))
        return expected if limit is None else min(expected, limit)

    def limit_gb(self, run: RunState) -> float | None:
        """Memory that the run is ended for passing."""
        limit = self.scheduler.max_ram_per_run_gb
        if limit is not None and self.scheduler.backoff == "bigger_slot":
            limit *= self.scheduler.backoff_factor**run.backoff
        return limit

    def fits(self, run: RunState) -> bool:
        """Whether the run may start beside those admitted; one alone always may."""
        if not self.admitted:
            return True
        weight = self.scheduler.classes[run.resource].weight
        used = sum(weight for weight, _ in self.admitted.values())
        return used + weight <= self.slots and self.used_gb() + self.ram_gb(run) <= self.max_ram_gb

    def is_in_time(self, run: RunState) -> bool:
        """Whether the run, if it takes no longer than others of its kind, ends in time."""
        if self.deadline is None:
            return True
        return time.monotonic() + (self.measured.q95_seconds(run.kind) or 0.0) < self.deadline

    def admit(self, run: RunState) -> float:
        """Counts the run in; GB admitted."""
        gb = self.ram_gb(run)
        self.admitted[run.run_id] = (self.scheduler.classes[run.resource].weight, gb)
        return gb

    def release(self, run: RunState) -> None:
        self.admitted.pop(run.run_id, None)
        self.measured.add(run)

    def used_gb(self) -> float:
        return sum(gb for _, gb in self.admitted.values())

    def require_possible(self, runs: Iterable[RunState]) -> None:
        """Refuses a plan with a run that would wait for ever.

        Raises:
            ConfigError: names the class, its memory and the key.
        """
        for run in runs:
            needed = self.ram_gb(run)
            if not run.is_final and needed > self.max_ram_gb:
                if run.kind in self.measured.peak_gb:
                    raise ConfigError(
                        f"runs like {' '.join(run.overrides)} took {needed:.1f} GB, and "
                        f"scheduler.max_ram_gb allows {self.max_ram_gb:.1f} for all\n  raise "
                        "scheduler.max_ram_gb, make the run smaller, or leave it out"
                    )
                raise ConfigError(
                    f"a run of the class {run.resource} ({' '.join(run.overrides)}) needs "
                    f"{needed:.1f} GB, and scheduler.max_ram_gb allows {self.max_ram_gb:.1f} for "
                    f"all\n  raise scheduler.max_ram_gb, lower scheduler.classes."
                    f"{run.resource}.ram_gb, or leave this run out"
                )
