"""How durations and deadlines are written in a config: `9h`, `45m`, `2026-11-21T08:00`."""

import re
from datetime import datetime, timedelta

_DURATION = re.compile(r"^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?$")


def seconds_of(duration: str) -> float:
    """Seconds in `9h`, `45m`, `1h30m` or `90s`.

    Raises:
        ValueError: says how a duration is written.
    """
    found = _DURATION.match(duration.strip())
    if not found or not any(found.groups()):
        raise ValueError(f"{duration!r} is no duration; write 9h, 45m, 1h30m or 90s")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def deadline_at(deadline: str, now: datetime) -> datetime:
    """When `deadline` is: a duration from `now`, or a time (local where it names no zone).

    Raises:
        ValueError: it is neither.
    """
    if "T" in deadline or "-" in deadline:
        try:
            return datetime.fromisoformat(deadline).astimezone()
        except ValueError:
            raise ValueError(f"{deadline!r} is no time; write 2026-11-21T08:00") from None
    return now + timedelta(seconds=seconds_of(deadline))
