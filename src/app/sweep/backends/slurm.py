"""Runs as jobs of a Slurm cluster, submitted by submitit; `cluster: local` does without Slurm."""

import contextlib
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import ConfigError, MissingExtraError, SweepError, nearest
from app.sweep.backends.attempt import REMOTE
from app.sweep.backends.remote import launch
from app.sweep.backends.scheduled import Over
from app.sweep.job import Job

OPTION = "superior.backend_options"
OVERHEAD_GB = 0.25  # of the processes that look after a run
OVERTIME_S = 120.0  # past scheduler.run_timeout, so that a run is ended by us and not by Slurm
WEEK_MIN = 7 * 24 * 60
SHARED = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node", "stderr_to_stdout")
OURS = ("name", "nodes", "tasks_per_node")  # a run is one process on one machine
LOG_CHARACTERS = 4000


class SlurmQueue:
    """See `Queue`."""

    def __init__(
        self, options: Mapping[str, Any], run_timeout_s: float | None, folder: Path
    ) -> None:
        """Raises ConfigError for an option that submitit does not take."""
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                "superior.backend=slurm needs submitit\n  pip install 'superior[slurm]'"
            ) from error
        self._options, self._folder = dict(options), folder / REMOTE / "submitit" / "%j"
        self._cluster = self._options.pop("cluster", "slurm")
        if self._cluster not in ("slurm", "local"):
            raise ConfigError(f"{OPTION}.cluster={self._cluster}: slurm, or local to try it out")
        self._options.setdefault("timeout_min", self._minutes(run_timeout_s))
        with tempfile.TemporaryDirectory() as nowhere:  # the ledger is not known to be ours yet
            self._make_executor(Path(nowhere))
        self._executor: Any = None

    def submit(self, job: Job, folder: Path) -> Any:
        if self._executor is None:
            self._executor = self._make_executor(self._folder)
        needed = max(job.ram_gb, job.ram_limit_gb or 0.0) + OVERHEAD_GB
        self._executor.update_parameters(
            name=f"superior-{job.run_id}",
            mem_gb=self._options.get("mem_gb", math.ceil(10 * needed) / 10),
        )
        try:
            return self._executor.submit(launch, str(folder))
        except Exception as error:  # submitit passes on what sbatch said
            raise SweepError(f"Slurm takes no job: {error}") from error

    def is_over(self, ticket: Any) -> bool:
        return bool(ticket.done())

    def why(self, ticket: Any) -> Over:
        state = str(ticket.state).upper()
        printed = (ticket.stderr() or "")[-LOG_CHARACTERS:]
        text = f"Slurm's job {ticket.job_id} ended as {state}\n{printed}"
        if state.startswith("OUT_OF_ME"):
            return Over(reason="ram_limit", text=text)
        if state in ("COMPLETED", "FAILED", "FINISHED"):
            return Over(exit_code=SweepError.exit_code, text=text)
        return Over(text=text)

    def cancel(self, ticket: Any) -> None:
        ticket.cancel(check=False)

    def forget(self, ticket: Any) -> None:
        shutil.rmtree(ticket.paths.folder, ignore_errors=True)

    def close(self) -> None:
        """Jobs are cancelled one by one; there is no connection."""

    def _minutes(self, run_timeout_s: float | None) -> int:
        if run_timeout_s is not None:
            return math.ceil((run_timeout_s + OVERTIME_S) / 60)
        if self._cluster == "slurm" and not {"timeout_min", "slurm_time", "time"} & set(
            self._options
        ):
            raise ConfigError(
                "superior.backend=slurm: Slurm ends each job at a time limit, and none is given\n"
                f"  set scheduler.run_timeout, e.g. 2h, or {OPTION}.timeout_min"
            )
        return WEEK_MIN

    def _make_executor(self, folder: Path) -> Any:
        import submitit

        try:
            executor = submitit.AutoExecutor(folder=folder, cluster=self._cluster)
        except RuntimeError as error:
            raise ConfigError(
                f"{OPTION}.cluster={self._cluster}: {error}\n  run this on a machine from which "
                f"sbatch works, or try it out with {OPTION}.cluster=local"
            ) from error
        for key, value in self._options.items():
            if key in OURS:
                raise ConfigError(f"{OPTION}.{key}: each run is one process on one machine")
            shared = key in SHARED or key.startswith("slurm_")
            try:
                executor.update_parameters(**{key if shared else f"slurm_{key}": value})
            except (NameError, AssertionError, ValueError, TypeError) as error:
                raise ConfigError(_refused(key, value, error)) from error
        return executor


def _refused(key: str, value: Any, error: Exception) -> str:
    if not isinstance(error, NameError):
        return f"{OPTION}.{key}={value}: {error}"
    known = list(SHARED)
    with contextlib.suppress(ImportError):
        from submitit.slurm.slurm import SlurmExecutor

        known += SlurmExecutor._valid_parameters()
    return f"{OPTION}.{key}: submitit has no such parameter{nearest(key, known)}"
