"""Gaussians in a box, with their exact evidence, sampled durably; a program and a module of tests.

    python nested_toy.py FOLDER SAMPLER

SAMPLER: a name in `SAMPLERS`. Prints the fingerprint of the draws.
"""

import hashlib
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Dynesty, Nautilus, SamplingCheckpoint
from app.durable.run import DurableRun
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.task import SamplingTask

HALF_WIDTH = 5.0
MEAN = np.array([0.3, -0.5, 1.0, 0.2])
SD = np.array([0.5, 0.2, 1.0, 0.3])
SAMPLERS = {
    "nautilus": Nautilus(kind="nautilus", live_points=60, networks=1, n_eff=150, batch=50),
    "uniform": Dynesty(kind="dynesty", live_points=48, dlogz=0.4, sample="unif"),
    "walk": Dynesty(kind="dynesty", live_points=48, dlogz=0.4, sample="rwalk"),
    "slice": Dynesty(kind="dynesty", live_points=32, dlogz=0.5, sample="rslice"),
}


class Box:
    """Uniform in (-HALF_WIDTH, HALF_WIDTH) in every parameter."""

    def __init__(self, ndim: int) -> None:
        self.names = tuple(f"p{index}" for index in range(ndim))

    @property
    def bounds(self) -> np.ndarray:
        return np.array([[-HALF_WIDTH, HALF_WIDTH]] * len(self.names))

    def log_density(self, theta: np.ndarray) -> np.ndarray:
        inside = np.all(np.abs(theta) <= HALF_WIDTH, axis=1)
        return np.where(inside, -len(self.names) * math.log(2 * HALF_WIDTH), -np.inf)

    def transform(self, unit: np.ndarray) -> np.ndarray:
        return (2.0 * unit - 1.0) * HALF_WIDTH

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return self.transform(rng.random((count, len(self.names))))


def gaussian(theta: np.ndarray) -> np.ndarray:
    d = theta.shape[1]
    return -0.5 * np.sum(((theta - MEAN[:d]) / SD[:d]) ** 2, axis=1)


def ln_evidence(ndim: int) -> float:
    total = 0.0
    for mean, sd in zip(MEAN[:ndim], SD[:ndim], strict=True):
        edges = ((x - mean) / sd / math.sqrt(2) for x in (HALF_WIDTH, -HALF_WIDTH))
        upper, lower = (math.erf(x) for x in edges)
        total += math.log(sd * math.sqrt(math.pi / 2) * (upper - lower) / (2 * HALF_WIDTH))
    return total


def striking(at: int, strike: Callable[[], None]) -> Callable[[np.ndarray], np.ndarray]:
    """The Gaussian; `strike` is called while its evaluation number `at` is at work."""
    seen = [0]

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        values = gaussian(theta)
        seen[0] += len(theta)
        if seen[0] >= at > seen[0] - len(theta):
            strike()
        return values

    return log_likelihood


def raising(error: BaseException) -> Callable[[], None]:
    def strike() -> None:
        raise error

    return strike


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def task(
    folder: Path,
    *,
    ndim: int = 2,
    log_likelihood: Callable[[np.ndarray], np.ndarray] = gaussian,
    signature: Mapping[str, Any] | None = None,
    every: int = 200,
    seed: int = 1,
    **targets: Any,
) -> Iterator[SamplingTask]:
    with (
        DurableRun(folder, study="toy", run_name="toy", phases={"sample": 1.0}) as run,
        run.phase("sample"),
    ):
        yield SamplingTask(
            posterior=Posterior(Box(ndim), log_likelihood, {}),
            convergence=Convergence(**targets),
            checkpoint=SamplingCheckpoint(every=every),
            run=run,
            name="toy",
            seed=seed,
            signature=signature or {"data": "6c91", "seed": seed},
        )


def sampled(folder: Path, sampler: Nautilus | Dynesty, **given: Any) -> Draws:
    from app.pipelines.janus.samplers import dynesty_run, nautilus_run

    with task(folder, **given) as work:
        if isinstance(sampler, Nautilus):
            return nautilus_run.sample(work, sampler)
        return dynesty_run.sample(work, sampler)


def in_child(work: Callable[[], object]) -> int:
    """Does the work in a forked process; its exit code, or minus its signal."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        work()
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def fingerprint(draws: Draws) -> str:
    """Of every byte of the draws, and of what is told of them."""
    kept = draws.as_arrays()
    digest = hashlib.sha256(json.dumps(kept.about, sort_keys=True).encode())
    for name in sorted(kept.arrays):
        digest.update(np.ascontiguousarray(kept.arrays[name]).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    print(fingerprint(sampled(Path(sys.argv[1]), SAMPLERS[sys.argv[2]])))
