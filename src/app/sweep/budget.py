"""What a sweep may spend: slots, memory, time."""

import os
import time
from datetime import UTC, datetime

from app.config.durations import deadline_at, seconds_of
from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.errors import ConfigError
from app.sweep.limits import machine_gb

MACHINE_SHARE = 0.8  # of its memory, where scheduler.max_ram_gb does not say


def parallel(settings: Superior) -> int:
    """Slots for runs."""
    return settings.parallel or len(os.sched_getaffinity(0))


def max_ram_gb(settings: Superior, scheduler: Scheduler) -> float:
    """Memory for all runs together; on other machines, as much as their scheduler gives."""
    if scheduler.max_ram_gb is not None:
        return scheduler.max_ram_gb
    return MACHINE_SHARE * machine_gb() if settings.backend == "local" else float("inf")


def runs_until(settings: Superior) -> float | None:
    """When runs must have ended, on the monotonic clock; None: whenever.

    Raises:
        ConfigError: that is over already.
    """
    if settings.deadline is None:
        return None
    now = datetime.now(UTC)
    left = (deadline_at(settings.deadline, now) - now).total_seconds()
    left -= seconds_of(settings.report_reserve)
    if left <= 0:
        raise ConfigError(
            f"superior.deadline={settings.deadline}: nothing can run before it, with "
            f"superior.report_reserve={settings.report_reserve} kept for the report"
        )
    return time.monotonic() + left
