"""The memory a run will need, from counts alone: nothing is measured but this process."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from app.config.janus.sampler import (
    Convergence,
    Dynesty,
    Emcee,
    Importance,
    Nautilus,
    Quadrature,
    Resources,
    Sampler,
)
from app.errors import ConfigError
from app.pipelines.janus.posterior import Posterior
from app.sweep.limits import machine_gb
from app.sweep.words import memory as written

GB = 1e9
ITEM = 8  # bytes
REPORT_BYTES = 330_000_000  # ArviZ, Matplotlib, corner and h5py, and what figures take, at most
COPIES = 3.0  # of all draws, at once, in the samplers' last look or in the report; measured
ITEMS = {  # of each draw besides its parameters
    "emcee": 2, "importance": 3, "nautilus": 3, "dynesty": 3, "quadrature": 3,
}  # fmt: skip
FAIR = 0.4  # effective share of importance draws that is counted on
SHELLS = 60.0  # e-folds of the prior's volume that nested samplers are expected to go through
EVALUATED = 10.0  # for each dead point, by nautilus, which keeps them all


@dataclass(frozen=True)
class Memory:
    """`now`: what this process has; `draws`: what the draws of all models will add, and `most`:
    of the model with most of them, while they are worked on."""

    now: int
    draws: int
    most: int

    @property
    def peak(self) -> int:
        return self.now + REPORT_BYTES + self.draws + self.most


def draws_of(sampler: Sampler, convergence: Convergence, ndim: int) -> int:
    """How many draws there will be: all that are asked for, where their number is fixed; of
    adaptive importance sampling, what its targets need; of nested samplers, about."""
    match own := sampler.root:
        case Emcee():
            return own.ensembles * own.walkers * own.steps
        case Importance():
            most = own.populations * own.batch * own.max_batches
            if not convergence.adaptive:
                return most
            needed = max((1.0 / FAIR - 1.0) / convergence.ln_z_target**2, convergence.ess / FAIR)
            each = own.populations * own.batch
            return min(most, 2 * each * math.ceil(needed / each))
        case Quadrature():
            return int(own.nodes**ndim)
        case Dynesty():
            return int(own.live_points * SHELLS)
        case Nautilus():
            return int(own.live_points * SHELLS * EVALUATED)


def bytes_of(sampler: Sampler, convergence: Convergence, ndim: int) -> int:
    """Of the draws of one model."""
    items = ndim + ITEMS[sampler.root.kind]
    return ITEM * items * draws_of(sampler, convergence, ndim)


def memory_of(
    sampler: Sampler, convergence: Convergence, posteriors: Mapping[str, Posterior]
) -> Memory:
    """Of a run on these posteriors, which this process has put together."""
    each = [bytes_of(sampler, convergence, posterior.ndim) for posterior in posteriors.values()]
    now = psutil.Process(os.getpid()).memory_info().rss
    return Memory(now, sum(each), int((COPIES - 1.0) * max(each)))


def room_bytes(resources: Resources) -> tuple[float, str]:
    """What the process may grow to, and what says so."""
    if resources.max_ram_gb is not None:
        return GB * resources.max_ram_gb, f"resources.max_ram_gb={resources.max_ram_gb:g}"
    own = psutil.Process(os.getpid()).memory_info().rss
    free = psutil.virtual_memory().available + own
    return min(float(free), GB * machine_gb()), "the memory that is free"


def require_memory(
    sampler: Sampler,
    convergence: Convergence,
    resources: Resources,
    posteriors: Mapping[str, Posterior],
) -> None:
    """Raises ConfigError where the run cannot fit, unless resources.beyond."""
    if resources.beyond:
        return
    needed, (room, told) = memory_of(sampler, convergence, posteriors), room_bytes(resources)
    if needed.peak <= room:
        return
    widest = max(posteriors.values(), key=lambda posterior: posterior.ndim)
    draws = draws_of(sampler, convergence, widest.ndim)
    raise ConfigError(
        f"the run needs about {written(needed.peak / GB)} of memory, beyond {told} "
        f"({written(room / GB)}): {draws:,} draws of {widest.ndim} parameters, and the report of "
        f"them; nothing was started\n  {smaller(sampler)}, or resources.beyond=true to start it "
        "all the same"
    )


def smaller(sampler: Sampler) -> str:
    """What to change, for less of everything."""
    match own := sampler.root:
        case Emcee():
            return (
                f"fewer sampler.steps ({own.steps}), sampler.walkers ({own.walkers}) or "
                f"sampler.ensembles ({own.ensembles})"
            )
        case Importance():
            return (
                f"fewer sampler.max_batches ({own.max_batches}), a smaller sampler.batch "
                f"({own.batch}), or a larger convergence.ln_z_sd"
            )
        case Quadrature():
            return f"fewer sampler.nodes ({own.nodes})"
        case Nautilus() | Dynesty():
            return f"fewer sampler.live_points ({own.live_points})"
