"""What one evaluation of a posterior takes, in batches of a sampler's size."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from app.config.janus.sampler import Dynesty, Emcee, Importance, Nautilus, Quadrature
from app.errors import ConfigError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior

MEASURED_S = 0.5
MOST_CALLS = 200
ROUNDS = 200  # of draws from the prior, until one of them has a posterior
QUEUE, QUEUE_SHARE = 64, 8  # as dynesty's proposals are made
BLOCK = 2048  # as quadrature's nodes are


@dataclass(frozen=True)
class Cost:
    """`each_s`: seconds of one evaluation; `batch`: how many the sampler asks for at a time."""

    each_s: float
    batch: int

    @property
    def batch_s(self) -> float:
        return self.each_s * self.batch


def batch_of(sampler: Emcee | Importance | Nautilus | Dynesty | Quadrature) -> int:
    """How many vectors a sampler has evaluated at a time."""
    match sampler:
        case Emcee():
            return sampler.walkers // 2
        case Importance() | Nautilus():
            return sampler.batch
        case Dynesty():
            return max(1, min(QUEUE, sampler.live_points // QUEUE_SHARE))
        case Quadrature():
            return BLOCK


def cost_of(posterior: Posterior, batch: int, seed: int, least: int = 1) -> Cost:
    """Measured, at draws from the prior where the posterior is not 0; the median of some calls.

    `least`: vectors that are evaluated at a time at least, even where one alone takes long: the
    number of workers, or more.

    Raises:
        ConfigError: there are no such draws.
    """
    posterior = replace(posterior, evaluations=0)
    theta = possible_draws(posterior, seed)
    seconds = _seconds(posterior, theta[:1])
    rows = int(np.clip(MEASURED_S / max(seconds, 1e-9), min(least, batch), batch))
    theta = np.resize(theta, (rows, posterior.ndim))
    took = [_seconds(posterior, theta)]
    while sum(took) < MEASURED_S and len(took) < MOST_CALLS:
        took.append(_seconds(posterior, theta))
    return Cost(float(np.median(took)) / rows, batch)


def possible_draws(posterior: Posterior, seed: int) -> Array:
    """Some draws from the prior where the posterior is not 0.

    Raises:
        ConfigError: there are none.
    """
    rng = np.random.default_rng(seed)
    for _ in range(ROUNDS):
        theta = posterior.prior.draw(rng, 8)
        good = theta[posterior.log_prob(theta) > -math.inf]
        if len(good):
            return good
    raise ConfigError(
        f"prior: the posterior is 0 at all of {8 * ROUNDS} draws from the prior of "
        f"{', '.join(posterior.names)}; narrow it to where the model exists"
    )


def _seconds(posterior: Posterior, theta: Array) -> float:
    began = time.perf_counter()
    posterior.both(theta)
    return time.perf_counter() - began
