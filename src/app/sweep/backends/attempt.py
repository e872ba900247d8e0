"""The files by which a supervisor and the machine of one attempt of a run speak to each other.

    <sweep>/remote/lease                    names the supervisor, touched while it lives (lease.py)
    <sweep>/remote/<run_id>.<attempt>/
        start.json    what the machine's process is started with
        job.pickle    read once, by the process that was just started for it, then removed
        told          what the machine tells, one JSON line each; touched while it lives
        asked         the signals that the supervisor wants sent to the run, one a line

A shared file system may show a new file late, but a file that is opened as it is: so `told` and
`asked` are there from the beginning, are opened for each look, and only grow.
"""

import contextlib
import json
import os
import pickle
import shutil
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.durable.atomic import write_text
from app.durable.process import ProcessId
from app.sweep.forks import Exited
from app.sweep.job import Job
from app.sweep.zygote import Running

REMOTE = "remote"  # in the sweep's folder
OF_ONE_MACHINE = ("SLURM_", "SUBMITIT_", "RAY_")  # variables that mean nothing elsewhere


class Attempt:
    """The files of one attempt, for either side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0  # bytes of `told` that were read

    @classmethod
    def create(
        cls, remote: Path, job: Job, task: bytes, supervisor: str, lease_s: float
    ) -> "Attempt":
        """Lays out the files; `task` is pickled, `supervisor` the token of the lease."""
        folder = remote / f"{job.run_id}.{job.attempt}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        start = {
            "run_id": job.run_id,
            "attempt": job.attempt,
            "record": str(job.record),
            "supervisor": supervisor,
            "lease_s": lease_s,
            "working_dir": os.getcwd(),
            "environment": _environment(),
        }
        (folder / "told").touch()
        (folder / "asked").touch()
        (folder / "job.pickle").write_bytes(pickle.dumps((job, task)))
        write_text(folder / "start.json", json.dumps(start))  # last: the attempt is whole
        return cls(folder)

    def start(self) -> dict[str, Any] | None:
        """What the machine's process is started with; None: nobody waits for this attempt."""
        try:
            content = (self.folder / "start.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        told: dict[str, Any] = json.loads(content)
        return told

    def take_job(self) -> tuple[Job, bytes]:
        """The job and its pickled task, once."""
        file = self.folder / "job.pickle"
        job, task = pickle.loads(file.read_bytes())  # written for this very process
        file.unlink()
        return job, task

    def tell(self, what: str, **fields: Any) -> None:
        """Machine: adds a line. Nobody may wait for it any more."""
        line = b"\n" + json.dumps({"what": what, **fields}).encode() + b"\n"
        try:
            file = os.open(self.folder / "told", os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return
        try:
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)

    def told(self) -> list[dict[str, Any]]:
        """The lines that came since the last call."""
        try:
            with (self.folder / "told").open("rb") as file:
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        lines = []
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):  # empty, or torn by the loss of its machine
                lines.append(json.loads(line))
        return lines

    def ask(self, signal_number: int) -> None:
        """Supervisor: wants this signal sent to the run."""
        with (self.folder / "asked").open("ab") as file:
            file.write(b"%d\n" % signal_number)
            file.flush()
            os.fsync(file.fileno())

    def asked(self) -> list[int]:
        """Every signal that was asked for."""
        try:
            content = (self.folder / "asked").read_bytes()
        except FileNotFoundError:  # nobody waits for this attempt
            return [signal.SIGKILL]
        return [int(line) for line in content.splitlines()]

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def running_of(start: dict[str, Any], process: ProcessId) -> Running:
    """What a machine tells of the run's process."""
    return Running(start["run_id"], start["attempt"], process.host, process.pid, process.started)


def lost(run_id: str, attempt: int) -> Exited:
    """The end of a run of which only that is known."""
    return Exited(run_id, attempt, None, signal.SIGKILL, 0.0, 0.0)


def fields_of(event: Running | Exited) -> dict[str, Any]:
    """What JSON holds of it; paths are known to the supervisor."""
    return {key: value for key, value in asdict(event).items() if key != "folder"}


def _environment() -> dict[str, str]:
    """That of this command, for machines that have not these variables of their own."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(OF_ONE_MACHINE)
    }
    found = [path or os.getcwd() for path in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(map(os.path.abspath, found)))
    return environment
