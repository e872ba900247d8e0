"""What the next unit of some work will cost, from those that were measured."""

from collections import deque
from statistics import median

WINDOW = 64  # units remembered
RECENT = 8  # of them, for drift
FEW = 3  # too few to know a stall, or a first unit that compiled itself, by
QUANTILE = 0.95
STALL = 4.0  # times the median: a unit that stalled, or compiled itself first
STALLS = 0.1  # of the window; where there are more (and more than 3), they are no exceptions


class UnitCosts:
    """Seconds of each kind of unit, as they were measured."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, unit: str, seconds: float) -> None:
        """One was measured."""
        self._kinds.setdefault(unit, _Kind()).add(seconds)

    def expected(self, unit: str) -> float:
        """Seconds that the next one will not exceed, 19 times in 20; 0 while nothing is known.

        The 95 % quantile of the last `WINDOW`, a few stalls left out (the alarm cuts those), times
        the drift: how much slower the median of the last `RECENT` is than that of all of them. Of
        less than `FEW` nothing is known: starting one that the alarm will cut costs nothing, since
        the time has no other use.
        """
        return self._kinds[unit].expected if unit in self._kinds else 0.0


class _Kind:
    def __init__(self) -> None:
        self.expected = 0.0
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._count = 0

    def add(self, seconds: float) -> None:
        self._window.append(seconds)
        self._count += 1
        if self._count <= RECENT or self._count % RECENT == 0:  # units may take microseconds
            self.expected = _expected(list(self._window))


def _expected(measured: list[float]) -> float:
    if len(measured) < FEW:
        return 0.0
    typical = median(measured)
    costs = sorted(cost for cost in measured if cost <= STALL * typical)
    if len(measured) - len(costs) > max(3, STALLS * len(measured)):
        costs = sorted(measured)
    drift = median(measured[-RECENT:]) / typical if typical > 0.0 else 1.0
    return costs[min(int(QUANTILE * len(costs)), len(costs) - 1)] * max(drift, 1.0)
