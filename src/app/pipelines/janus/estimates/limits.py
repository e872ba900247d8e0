"""The time a run has, as its config says."""

import math

from app.config.durations import seconds_of
from app.config.janus.sampler import Resources

Limit = tuple[float, str]  # seconds, and the key that says so


def time_limit(resources: Resources, left_s: float) -> Limit | None:
    """Seconds for the sampling, at most. `left_s`: of the budget; infinite where there is none."""
    if resources.max_time is not None and seconds_of(resources.max_time) <= left_s:
        return seconds_of(resources.max_time), f"resources.max_time={resources.max_time}"
    return None if math.isinf(left_s) else (left_s, "what is left of the budget")
