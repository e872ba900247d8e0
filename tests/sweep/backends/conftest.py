"""The backends, each as tests use it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backend_bench import Bench
from backend_tasks import act
from ray_cluster import two_nodes

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.sweep.backends import make_backend


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    pytest.importorskip("ray", reason="install the extra: pip install 'superior[ray]'")
    with two_nodes() as address:
        yield address


@pytest.fixture
def options(request: pytest.FixtureRequest) -> Callable[[str], dict[str, Any]]:
    """superior.backend_options of a backend that runs here."""

    def of(name: str) -> dict[str, Any]:
        if name == "local":
            return {}
        if name == "slurm":
            pytest.importorskip(
                "submitit", reason="install the extra: pip install 'superior[slurm]'"
            )
            return {"cluster": "local", "lease_s": 3}
        return {"address": request.getfixturevalue("ray_address"), "lease_s": 3}

    return of


SLURM = pytest.param("slurm", marks=pytest.mark.slow)
RAY = pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.xdist_group("ray")])


@pytest.fixture(params=["local", SLURM, RAY])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(kind: str, tmp_path: Path, options: Callable[[str], dict[str, Any]]) -> Iterator[Bench]:
    settings = Superior.model_validate({"backend": kind, "backend_options": options(kind)})
    backend = make_backend(settings, Scheduler(), tmp_path, act, lambda families: None)
    try:
        backend.warm([])
        yield Bench(backend, tmp_path)
    finally:
        backend.close()
