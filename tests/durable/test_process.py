"""A process is known by its pid and its start."""

import dataclasses
import os
import subprocess
import sys

from app.durable.process import ProcessId


def test_this_process_runs() -> None:
    here = ProcessId.of(os.getpid())
    assert here is not None
    assert not here.is_gone()


def test_a_pid_given_again_is_another_process() -> None:
    here = ProcessId.of(os.getpid())
    assert here is not None
    assert dataclasses.replace(here, started=here.started - 3600).is_gone()


def test_a_dead_process_is_gone_and_has_no_id() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessId.of(process.pid)
        assert identity is not None
        process.kill()
    assert identity.is_gone()
    assert ProcessId.of(identity.pid) != identity


def test_processes_of_other_hosts_are_left_alone() -> None:
    here = ProcessId.of(os.getpid())
    assert here is not None
    assert not dataclasses.replace(here, host="elsewhere", pid=2**22 + 1).is_gone()
