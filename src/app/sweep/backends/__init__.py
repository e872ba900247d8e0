"""Where runs are carried out. All backends do the same, shown by one conformance suite.

The sweep's folder must be seen by every machine: a run reads its config there and leaves its
outcome there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from app.config.durations import seconds_of
from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.errors import ConfigError
from app.sweep.job import Job, Task
from app.sweep.zygote import Told, Warm

LEASE_S = 60.0


class Backend(Protocol):
    """Starts runs, tells how they go, ends them."""

    def warm(self, families: Sequence[str]) -> None:
        """Runs of these families come: what they do first may be done once for all of them."""

    def start(self, job: Job) -> None:
        """Starts one attempt. `poll` tells `Running` when its process exists, `Exited` once."""

    def poll(self, timeout_s: float) -> list[Told]:
        """What happened, as soon as something did, at the latest after that time."""

    def kill(self, run_id: str, signal_number: int) -> None:
        """SIGTERM asks the run to end in order; SIGKILL ends all it started. `Exited` follows."""

    def close(self) -> None:
        """Ends whatever still runs, and waits until nothing is left."""


def make_backend(
    settings: Superior, scheduler: Scheduler, folder: Path, task: Task, warm: Warm
) -> Backend:
    """The backend that `superior.backend` names, for the sweep in `folder`.

    Raises:
        MissingExtraError: its package is not installed.
        ConfigError: an option it does not have.
    """
    options = dict(settings.backend_options)
    if settings.backend == "local":
        from app.sweep.backends.local import LocalBackend

        if options:
            raise ConfigError(
                f"superior.backend_options.{min(options)}: superior.backend=local has no options"
            )
        return LocalBackend(task, warm)
    from app.sweep.backends.scheduled import Queue, ScheduledBackend

    lease_s = _lease_s(options.pop("lease_s", LEASE_S))
    queue: Queue
    if settings.backend == "slurm":
        from app.sweep.backends.slurm import SlurmQueue

        timeout_s = seconds_of(scheduler.run_timeout) if scheduler.run_timeout else None
        queue = SlurmQueue(options, timeout_s, folder)
    else:
        from app.sweep.backends.ray import RayQueue

        queue = RayQueue(options)
    return ScheduledBackend(queue, task, folder, lease_s)


def _lease_s(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or given < 1:
        raise ConfigError(
            f"superior.backend_options.lease_s={given}: seconds, 1 or more, after which a run on "
            "another machine ends that does not see the sweep's command any more"
        )
    return float(given)
