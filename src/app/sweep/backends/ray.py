"""Runs as tasks of a Ray cluster. Ray places them by cores and memory; retries are ours."""

import inspect
import logging
import os
import signal
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import ConfigError, MissingExtraError, SweepError, nearest
from app.sweep.backends.remote import launch
from app.sweep.backends.scheduled import Over
from app.sweep.job import Job
from app.sweep.limits import GB

ANSWER_S = 10.0
OPTION = "superior.backend_options"
OF_A_RUN = ("num_cpus", "num_gpus", "resources", "label_selector")  # else of ray.init
OURS = ("ignore_reinit_error", "local_mode", "job_config", "kwargs")


class RayQueue:
    """See `Queue`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Connects to the cluster.

        Raises:
            ConfigError: an option Ray does not have, or no cluster at this address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(
                "superior.backend=ray needs Ray\n  pip install 'superior[ray]'"
            ) from error
        self._ray = ray
        of_init = {key: value for key, value in options.items() if key not in OF_A_RUN}
        of_run = {key: value for key, value in options.items() if key in OF_A_RUN}
        known = set(inspect.signature(ray.init).parameters) - set(OURS)
        for key in of_init:
            if key not in known:
                near = nearest(key, known | set(OF_A_RUN) | {"lease_s"})
                raise ConfigError(f"{OPTION}.{key}: neither ray.init nor a run has it{near}")
        try:
            self._launch = ray.remote(max_retries=0, **{"num_cpus": 1, **of_run})(launch)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{OPTION}: {error}") from error
        self._connect({"address": "auto", "log_to_driver": False, **of_init})

    def submit(self, job: Job, folder: Path) -> Any:
        task = self._launch.options(memory=int(job.ram_gb * GB), name=f"superior-{job.run_id}")
        try:
            return task.remote(str(folder))
        except self._ray.exceptions.RayError as error:
            raise SweepError(f"Ray takes no task: {error}") from error

    def is_over(self, ticket: Any) -> bool:
        ready, _ = self._ray.wait([ticket], timeout=0)
        return bool(ready)

    def why(self, ticket: Any) -> Over:
        errors = self._ray.exceptions
        try:
            self._ray.get(ticket, timeout=0)
        except errors.OutOfMemoryError as error:
            return Over(reason="ram_limit", text=str(error))
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:
            return Over(exit_code=SweepError.exit_code, text=str(error))
        except errors.RayError as error:
            return Over(text=str(error))
        return Over(text="Ray's task ended, and its machine told nothing")

    def cancel(self, ticket: Any) -> None:
        self._ray.cancel(ticket, force=True)

    def forget(self, ticket: Any) -> None:
        """Ray forgets a task with the last reference to it."""

    def close(self) -> None:
        self._ray.shutdown()

    def _connect(self, options: dict[str, Any]) -> None:
        if options["address"] == "auto":
            options["address"] = os.environ.get("RAY_ADDRESS", "auto")
        address = str(options["address"])
        _require_answer(address)
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(logging_level=logging.WARNING, **options)
        except ConnectionError as error:
            raise ConfigError(_no_cluster(address, error)) from error
        except (ValueError, TypeError, RuntimeError) as error:
            raise ConfigError(f"{OPTION}: ray.init refuses them: {error}") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray has put its own there


def _require_answer(address: str) -> None:
    """Ray itself would try for minutes, deaf to signals."""
    if address.startswith("ray://"):
        raise ConfigError(
            f"{OPTION}.address={address}: the command is to run on a machine of the cluster; give "
            "it the address that `ray start` printed there"
        )
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return  # auto, local
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise ConfigError(_no_cluster(address, error)) from error


def _no_cluster(address: str, error: Exception) -> str:
    return (
        f"{OPTION}.address={address}: no Ray cluster answers there: {error}\n"
        "  start one with `ray start --head`, and give its address; see docs/backends.md"
    )
