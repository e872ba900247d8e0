"""The governor of a budget: what may start, and when the present phase must end.

There is one budget for the whole run. Some phases must still happen after the long one (a result
has to be written): their reserve is kept back, so that the soft deadline of a phase is the end of
the budget less the reserve of the phases to come, or the end of the phase's own maximum, whichever
is earlier. A unit of work starts only if it will be done by then; one that stalls is cut by an
alarm. All times are seconds of the monotonic clock.

What a reserved phase costs is measured by doing it early, once ("rehearse": the first safe
result); until then, each has `UNKNOWN_SHARE` of the budget.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from app.durable.alarm import Alarm, undisturbed
from app.durable.unit_costs import UnitCosts

MARGIN = 1.25  # of a reserve over what was measured
UNKNOWN_SHARE = 0.05  # of the budget, for a reserved phase whose cost nobody knows
ENDLESS = float("inf")


class Ring(AbstractContextManager[object], Protocol):
    """What `Alarm` is; another one rings in virtual time."""

    def reset(self, seconds: float) -> None: ...


class Governor:
    """A budget being spent, by one thread.

    `total_s`: the budget; None: none. `reserve`: phase -> seconds kept back for it, in the order
    of the phases; 0: as much as was measured. More is kept where more was measured. `reserve_s`: of
    all of them together, where that is more. `phases_max`: phase -> the most it may take.
    `spent_s`: what earlier processes have spent. `until_s`: seconds from now to a time of the
    clock, which nothing moves.
    """

    def __init__(
        self,
        total_s: float | None = None,
        reserve: Mapping[str, float] | None = None,
        phases_max: Mapping[str, float] | None = None,
        spent_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        *,
        reserve_s: float = 0.0,
        until_s: float | None = None,
        alarm: Callable[[float], Ring] = Alarm,
    ) -> None:
        self._total, self._reserve_all = total_s, reserve_s
        self._given, self._phases_max = dict(reserve or {}), dict(phases_max or {})
        self._clock, self._alarm_of = clock, alarm
        self._before = spent_s
        self._opened = clock()
        self._until = ENDLESS if until_s is None else self._opened + until_s
        self._measured: dict[str, float] = {}
        self._phases: dict[str, float] = {}  # seconds, of phases that were left
        self._begun: set[str] = set()
        self._costs = UnitCosts()
        self._phase, self._phase_since = "", 0.0
        self._alarms: list[Ring] = []

    @property
    def total_s(self) -> float | None:
        return self._total

    @property
    def current(self) -> str:
        """The phase at work; "" between two."""
        return self._phase

    def continue_from(self, spent_s: float, phases_s: Mapping[str, float]) -> None:
        """Counts what earlier processes of this run have spent: in all, and in each phase."""
        self._before += spent_s
        for name, seconds in phases_s.items():
            self._phases[name] = self._phases.get(name, 0.0) + seconds

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """The work of one phase; it may be entered again. Phases are not nested."""
        if self._phase:
            raise ValueError(f"phase {name!r} begins inside phase {self._phase!r}")
        self._phase, self._phase_since = name, self._clock()
        self._begun.add(name)
        try:
            yield
        finally:
            self._phases[name] = self.spent_in(name)
            self._phase = ""

    @contextmanager
    def rehearse(self, phase: str) -> Iterator[None]:
        """The work of a later phase, done early: a result that is safe. Measures its reserve."""
        started = self._clock()
        yield
        self.measured_reserve(phase, self._clock() - started)

    @contextmanager
    def unit(self, name: str) -> Iterator[None]:
        """One unit of work. Its cost counts when it was done to its end."""
        started = self._clock()
        yield
        self._costs.add(name, self._clock() - started)

    def may_start(self, unit: str) -> bool:
        """Whether one more unit will be done before the phase's soft deadline; one that was never
        measured may start while there is any time."""
        left = self.left_in_phase()
        return left > 0.0 and self._costs.expected(unit) <= left

    def measured_reserve(self, phase: str, seconds: float) -> None:
        """A reserved phase costs `seconds`; the last measurement counts."""
        self._measured[phase] = seconds
        for alarm in self._alarms:
            alarm.reset(self.left_in_phase())

    def measured_s(self) -> dict[str, float]:
        """phase -> seconds, of the reserved phases that were measured."""
        return dict(self._measured)

    def deadline_alarm(self) -> AbstractContextManager[object]:
        """A context in which `alarm.DeadlineReached` is raised at the phase's soft deadline, in
        the main thread; as the body begins, where that has passed."""
        return _PhaseAlarm(self._alarms, self._alarm_of(self.left_in_phase()))

    def spent(self) -> float:
        """Seconds of this run so far, those of its earlier processes too."""
        return self._before + self._clock() - self._opened

    def spent_in(self, phase: str) -> float:
        """Seconds of one phase so far."""
        now = self._clock() - self._phase_since if phase == self._phase else 0.0
        return self._phases.get(phase, 0.0) + now

    def phases_s(self) -> dict[str, float]:
        """phase -> seconds so far."""
        names = [*self._phases, *([self._phase] if self._phase else [])]
        return {name: self.spent_in(name) for name in names}

    def left(self) -> float:
        """Seconds to the end of the budget; infinite where there is none."""
        until = self._until - self._clock()
        return until if self._total is None else min(until, self._total - self.spent())

    def left_in_phase(self) -> float:
        """Seconds to the soft deadline of the present phase."""
        left = self.left() - self.reserved()
        if self._phase in self._phases_max:
            left = min(left, self._phases_max[self._phase] - self.spent_in(self._phase))
        return left

    def share_of_phase(self) -> float | None:
        """How much of the time that the present phase may take is over; None: it may take any."""
        left, spent = self.left_in_phase(), self.spent_in(self._phase)
        if left == ENDLESS:
            return None
        return min(spent / (spent + left), 1.0) if left > 0.0 else 1.0

    def reserved(self) -> float:
        """Seconds kept back for the reserved phases that have not begun."""
        to_come = [name for name in self._given if name not in self._begun]
        kept = sum(map(self.reserve_of, to_come))
        return max(kept, self._reserve_all) if len(to_come) == len(self._given) else kept

    def reserve_of(self, phase: str) -> float:
        """Seconds kept back for one phase, while it has not begun."""
        given, measured = self._given.get(phase, 0.0), self._measured.get(phase)
        if measured is not None:
            return max(given, MARGIN * measured)
        return given or self._unknown_reserve()

    def _unknown_reserve(self) -> float:
        if self._reserve_all:
            return self._reserve_all / len(self._given)
        whole = min(self._total or ENDLESS, self._until - self._opened)
        return 0.0 if whole == ENDLESS else UNKNOWN_SHARE * whole


class _PhaseAlarm(AbstractContextManager[object]):
    """An alarm that follows its phase's soft deadline while it is set."""

    def __init__(self, alarms: list[Ring], alarm: Ring) -> None:
        self._alarms, self._alarm = alarms, alarm

    def __enter__(self) -> None:
        self._alarm.__enter__()
        self._alarms.append(self._alarm)

    def __exit__(self, *error: object) -> None:
        self._alarms.remove(self._alarm)
        self._alarm.__exit__(*error)  # type: ignore[arg-type]


undisturbed(_PhaseAlarm.__enter__, _PhaseAlarm.__exit__)
