"""What superior.backend_options may say, and what a scheduler is asked for."""

import sys
from pathlib import Path
from typing import Any

import fake_slurm
import pytest
from backend_bench import Bench
from backend_tasks import act

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.errors import ConfigError, MissingExtraError, SweepError
from app.sweep.backends import Backend, make_backend

WRONG = [
    ("local", {"partition": "long"}, "backend_options.partition: superior.backend=local has no"),
    ("slurm", {"cluster": "local", "lease_s": 0}, "backend_options.lease_s=0: seconds"),
    ("slurm", {"cluster": "lokal"}, "backend_options.cluster=lokal: slurm, or local"),
    ("slurm", {"cluster": "local", "partitoin": "x"}, "did you mean 'partition'"),
    ("slurm", {"cluster": "local", "cpus_per_task": "two"}, "backend_options.cpus_per_task=two"),
    ("slurm", {"cluster": "local", "nodes": 2}, "backend_options.nodes: each run is one process"),
    ("slurm", {}, "none is given\n  set scheduler.run_timeout"),
    ("slurm", {"timeout_min": 5}, "backend_options.cluster=slurm: Could not detect"),
    ("ray", {"adress": "auto"}, "backend_options.adress: neither ray.init nor a run has it; did"),
    ("ray", {"address": "127.0.0.1:9"}, "backend_options.address=127.0.0.1:9: no Ray cluster"),
    ("ray", {"address": "ray://here:1"}, "backend_options.address=ray://here:1: the command"),
    ("ray", {"num_cpus": "two"}, "backend_options: "),
]  # fmt: skip


def backend_of(
    folder: Path, name: str, options: dict[str, Any], scheduler: Scheduler | None = None
) -> Backend:
    settings = Superior.model_validate({"backend": name, "backend_options": options})
    return make_backend(settings, scheduler or Scheduler(), folder, act, lambda families: None)


@pytest.mark.parametrize(("name", "options", "told"), WRONG)
def test_a_wrong_option_is_named_before_any_work(
    name: str, options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        backend_of(tmp_path, name, options)
    assert told in str(error.value)
    assert str(error.value).startswith("superior.backend")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_a_missing_package_is_told_with_its_extra(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"superior\[{name}\]"):
        backend_of(tmp_path, name, {})


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine from which sbatch works."""
    folder = tmp_path / "slurm"
    for name, value in fake_slurm.install(folder).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.mark.slow
def test_slurm_is_asked_for_what_the_run_needs(slurm: Path, tmp_path: Path) -> None:
    options = {"partition": "long", "cpus_per_task": 3, "account": "ours", "lease_s": 3}
    scheduler = Scheduler(run_timeout="2h")
    bench = Bench(backend_of(tmp_path / "sweep", "slurm", options, scheduler), tmp_path / "sweep")
    job = bench.start("run", "give", value=7, limit=1.5)
    ended, outcome = bench.end_of(job)
    bench.backend.close()
    assert ended.exit_code == 0
    assert outcome is not None
    assert outcome.value == 7
    asked = (slurm / "1.sh").read_text()
    for flag in ("partition=long", "cpus-per-task=3", "account=ours", "time=122", "mem=1843MB",
                 "nodes=1", "job-name=superior-run"):  # fmt: skip
        assert f"#SBATCH --{flag}\n" in asked
    assert sorted(file.name for file in (tmp_path / "sweep").iterdir()) == ["logs", "runs"]


@pytest.mark.slow
def test_what_sbatch_says_against_the_first_job_ends_the_command(
    slurm: Path, tmp_path: Path
) -> None:
    sbatch = slurm / "bin" / "sbatch"
    said = "sbatch: error: invalid partition specified: lonng"
    sbatch.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    options = {"partition": "lonng", "timeout_min": 5}
    bench = Bench(backend_of(tmp_path / "sweep", "slurm", options), tmp_path / "sweep")
    with pytest.raises(SweepError, match="invalid partition specified: lonng"):
        bench.start("run", "give", value=7)
    bench.backend.close()


@pytest.mark.slow
def test_what_sbatch_says_against_a_later_job_is_in_its_log(slurm: Path, tmp_path: Path) -> None:
    options = {"timeout_min": 5}
    bench = Bench(backend_of(tmp_path / "sweep", "slurm", options), tmp_path / "sweep")
    bench.end_of(bench.start("one", "give", value=7))
    sbatch = slurm / "bin" / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: no more jobs today' >&2\nexit 1\n")
    job = bench.start("two", "give", value=7)
    ended, outcome = bench.end_of(job)
    bench.backend.close()
    assert ended.exit_code == SweepError.exit_code
    assert outcome is None
    assert "no more jobs today" in job.log.read_text()
