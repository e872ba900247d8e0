"""Claim: keeping a step of a chain on disk, syncs and checkpoints included, costs a tenth or less
of a step of emcee's HDFBackend, which never syncs.

    python benchmarks/chain_storage.py [--rounds 5] [--steps 4000]

Steps of 32 walkers with 4 parameters are made beforehand; only storing them is timed. `chain file`
is synced, and a checkpoint of walkers and generator is written and synced, every 1000 steps
(`checkpoint.every`), all of it in the loop's thread; it also keeps the log-prior. `HDFBackend` is
emcee's, with its `grow` once; `memory` is emcee's default, which keeps nothing. Each is read back
and compared. Written below the current folder, which should be on a disk. The median over the
rounds is reported, with every round.
"""

import argparse
import os

os.environ.update(OPENBLAS_NUM_THREADS="1")

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from emcee.backends import Backend, HDFBackend
from emcee.state import State

from app.durable.checkpoint import Checkpoints, Snapshot
from app.pipelines.janus.samplers.chain_file import ChainFile

RESULTS = Path(__file__).parent / "results" / "chain_storage.json"
WALKERS, PARAMETERS, EVERY = 32, 4, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()
    theta = np.random.default_rng(0).normal(size=(options.steps, WALKERS, PARAMETERS))
    ways: dict[str, Callable[[np.ndarray, Path], float]]
    ways = {"memory": in_memory, "HDFBackend": in_hdf, "chain file": in_chain_file}
    us: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for at in range(options.rounds):
            for way, store in ways.items():
                into = Path(folder) / f"{at}-{way}"
                into.mkdir()
                us[way].append(1e6 * store(theta, into) / options.steps)
    report(us)


def in_memory(theta: np.ndarray, _: Path) -> float:
    return by_emcee(theta, Backend())


def in_hdf(theta: np.ndarray, folder: Path) -> float:
    return by_emcee(theta, HDFBackend(str(folder / "chain.h5")))


def by_emcee(theta: np.ndarray, backend: Backend) -> float:
    """Seconds, as EnsembleSampler stores them."""
    random = np.random.RandomState(0)
    accepted = np.ones(WALKERS, bool)
    states = [State(each, log_prob=each[:, 0], random_state=random.get_state()) for each in theta]
    backend.reset(WALKERS, PARAMETERS)
    began = time.perf_counter()
    backend.grow(len(theta), None)
    for state in states:
        backend.save_step(state, accepted)
    seconds = time.perf_counter() - began
    assert np.array_equal(backend.get_chain(), theta)
    return seconds


def in_chain_file(theta: np.ndarray, folder: Path) -> float:
    """Seconds; the record is put together in the loop, as the sampler does."""
    random = np.random.RandomState(np.random.PCG64(0))
    parts = np.ascontiguousarray(theta[..., :2])
    checkpoints = Checkpoints(folder / "checkpoints", {"bench": True}, "bench")
    with ChainFile(folder / "chain.f64", (1, WALKERS, PARAMETERS + 2)) as chain:
        began = time.perf_counter()
        for step, (walkers, both) in enumerate(zip(theta, parts, strict=True), start=1):
            record = np.array([np.hstack((walkers, both))])
            state = random.get_state(legacy=False)
            chain.append(record)
            if step % EVERY == 0 or step == len(theta):
                kept = chain.sync()
                told = {"rng_states": [state], "chain": kept.as_state()}
                checkpoints.save(Snapshot({"step": step}, {"walkers": record}, told))
        seconds = time.perf_counter() - began
        assert np.array_equal(chain.read()[:, 0, :, :PARAMETERS], theta)
    return seconds


def report(us: dict[str, list[float]]) -> None:
    """Prints the medians and writes them with every round."""
    hdf = us["HDFBackend"]
    rows = {
        way: {
            "us_per_step": statistics.median(rounds),
            "cheaper": statistics.median(h / u for h, u in zip(hdf, rounds, strict=True)),
            "rounds_us": rounds,
        }
        for way, rounds in us.items()
    }
    print(f"{'storage':14}{'us/step':>10}{'cheaper':>10}")
    for way, row in rows.items():
        print(f"{way:14}{row['us_per_step']:10.1f}{row['cheaper']:10.1f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
