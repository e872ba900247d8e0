"""The time a run has, as its config says."""

import math

from app.config.durations import seconds_of
from app.config.janus.sampler import Resources
from app.durable.governor import Governor
from app.errors import ConfigError
from app.sweep.words import duration

Limit = tuple[float, str]  # seconds, and the key that says so


def time_limit(resources: Resources, left_s: float) -> Limit | None:
    """Seconds for the sampling, at most. `left_s`: of the budget; infinite where there is none."""
    if resources.max_time is not None and seconds_of(resources.max_time) <= left_s:
        return seconds_of(resources.max_time), f"resources.max_time={resources.max_time}"
    return None if math.isinf(left_s) else (left_s, "what is left of the budget")


def require_some_time(governor: Governor) -> None:
    """Refuses a budget that leaves no moment for sampling, which no sampler can do anything with.
    In the phase of sampling.

    Raises:
        ConfigError: with the numbers, and what to give.
    """
    if governor.left_in_phase() > 0.0:
        return
    kept, left = governor.reserved(), max(governor.left(), 0.0)
    if left > kept:
        raise ConfigError(
            f"budget.phases.{governor.current} leaves no time for sampling\n  give it more, or "
            "leave it out; nothing was started"
        )
    needed = math.ceil(governor.spent() + kept)
    raise ConfigError(
        f"no time is left for sampling: {duration(left)} of the budget are left, and "
        f"{duration(kept)} are kept back for assessing, exporting and plotting\n  give "
        f"budget.total (or budget.deadline) more than {duration(needed)} in all, and what sampling "
        "takes on top of it, which kedro estimate tells; or a smaller budget.reserve, if one was "
        "given; nothing was started"
    )
