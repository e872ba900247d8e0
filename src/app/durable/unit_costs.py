"""What the next unit of some work will cost, from those that were measured."""

from collections import deque
from statistics import median

WINDOW = 64  # units remembered
RECENT = 8  # of them, for drift
QUANTILE = 0.95


class UnitCosts:
    """Seconds of each kind of unit, as they were measured."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, unit: str, seconds: float) -> None:
        """One was measured."""
        self._kinds.setdefault(unit, _Kind()).add(seconds)

    def expected(self, unit: str) -> float:
        """Seconds that the next one will not exceed, 19 times in 20; 0 before any was measured.

        The 95 % quantile of the last `WINDOW`, times the drift: how much slower the median of the
        last `RECENT` is than that of all of them, if it is.
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
    costs = sorted(measured)
    typical = median(costs)
    drift = median(measured[-RECENT:]) / typical if typical > 0.0 else 1.0
    return costs[min(int(QUANTILE * len(costs)), len(costs) - 1)] * max(drift, 1.0)
