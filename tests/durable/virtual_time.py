"""A clock that only moves when something sleeps, and alarms that ring on it."""

from typing import Self

from app.durable.alarm import DeadlineReached


class VirtualTime:
    def __init__(self) -> None:
        self.now = 0.0
        self.alarms: list[VirtualAlarm] = []

    def clock(self) -> float:
        return self.now

    def alarm(self, seconds: float) -> "VirtualAlarm":
        return VirtualAlarm(self, seconds)

    def sleep(self, seconds: float, deaf: float = 0.0) -> None:
        """Work of so many seconds; for the first `deaf` of them no alarm is heard (a call into
        compiled code)."""
        due = min((alarm.due for alarm in self.alarms), default=float("inf"))
        if due >= self.now + seconds:
            self.now += seconds
            return
        self.now = max(due, self.now + min(deaf, seconds))
        raise DeadlineReached("the time for it is over")


class VirtualAlarm:
    def __init__(self, time: VirtualTime, seconds: float) -> None:
        self.time, self.due = time, time.now + seconds

    def reset(self, seconds: float) -> None:
        self.due = self.time.now + seconds

    def __enter__(self) -> Self:
        self.time.alarms.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.time.alarms.remove(self)
