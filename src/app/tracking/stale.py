"""Runs that MLflow shows as RUNNING though nothing runs: their writer was killed with them."""

from typing import TYPE_CHECKING

from app.durable.process import ProcessId

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOST, PID, STARTED = "superior.host", "superior.pid", "superior.process_started"
FOUND_DEAD = "killed: the process and its writer were gone when a later run looked"


def process_tags(process: ProcessId | None) -> dict[str, str]:
    """The tags by which a later run knows whether this one still runs."""
    if process is None:
        return {}
    return {HOST: process.host, PID: str(process.pid), STARTED: repr(process.started)}


def mend_stale_runs(client: "MlflowClient", own_run_id: str) -> list[str]:
    """Marks runs of this host as KILLED whose process is no more; returns their ids."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    mended = []
    for run in client.search_runs(experiments, "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        if run.info.run_id == own_run_id or not {HOST, PID, STARTED} <= tags.keys():
            continue
        if ProcessId(tags[HOST], int(tags[PID]), float(tags[STARTED])).is_gone():
            client.set_tag(run.info.run_id, "superior.end", FOUND_DEAD)
            client.set_tag(run.info.run_id, "superior.status", "KILLED")
            client.set_terminated(run.info.run_id, "KILLED")
            mended.append(run.info.run_id)
    return mended
