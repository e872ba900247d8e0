"""What a run will cost, before it is started: time, evaluations, memory."""

from collections.abc import Mapping
from importlib import import_module

from app.config.janus.sampler import Convergence, Sampler, SamplingCheckpoint
from app.errors import ConfigError
from app.pipelines.janus.estimates.cost import batch_of, cost_of
from app.pipelines.janus.estimates.found import Estimate
from app.pipelines.janus.estimates.limits import Limit
from app.pipelines.janus.estimates.memory import memory_of, smaller
from app.pipelines.janus.estimates.rehearsal import Asked
from app.pipelines.janus.posterior import Posterior
from app.sweep.words import duration

KINDS = {  # of samplers: modules of `estimates`
    "emcee": "chains",
    "importance": "weighted",
    "nautilus": "nested",
    "dynesty": "nested",
    "quadrature": "grid",
}
LIMIT_S = 3.0  # of a rehearsal
SHARE = 0.05  # of the time there is, for rehearsals


def estimated(
    posterior: Posterior,
    sampler: Sampler,
    convergence: Convergence,
    checkpoint: SamplingCheckpoint,
    seed: int,
    limit_s: float = LIMIT_S,
) -> Estimate:
    """Of sampling `posterior`: the likelihood is timed, and the sampler rehearsed, for about
    `limit_s` seconds; a sampler that would tell nothing in these, for a few times as long.

    Raises:
        ConfigError: the posterior is 0 all over its prior; the sampler cannot sample it.
    """
    own = sampler.root
    cost = cost_of(posterior, batch_of(own), seed, least=posterior.description.get("workers", 1))
    module = import_module(f"app.pipelines.janus.estimates.{KINDS[own.kind]}")
    took = module.time_of(Asked(posterior, own, convergence, checkpoint, seed), cost, limit_s)
    return Estimate(
        seconds=took.seconds,
        seconds_most=max(took.seconds_most, took.seconds),
        memory_bytes=memory_of(sampler, convergence, {"": posterior}).peak,
        evaluations=took.evaluations,
        per_evaluation_s=cost.each_s,
        how=took.how,
    )


def require_time(
    posteriors: Mapping[str, Posterior],
    sampler: Sampler,
    convergence: Convergence,
    checkpoint: SamplingCheckpoint,
    seed: int,
    limit: Limit,
) -> None:
    """Refuses sampling that will take longer than `limit`. Not for what its targets end
    (`ends_in_order`): at the end of its time that has draws, too.

    Raises:
        ConfigError: with the numbers, and what to change.
    """
    most_s, says = limit
    rehearsal_s = min(LIMIT_S, SHARE * most_s) / len(posteriors)
    found = {
        name: estimated(posterior, sampler, convergence, checkpoint, seed, rehearsal_s)
        for name, posterior in posteriors.items()
    }
    seconds = sum(one.seconds for one in found.values())
    if seconds <= most_s:
        return
    told = (
        f"sampling is expected to take {duration(seconds)}, beyond {duration(most_s)} ({says}): "
        + "; ".join(f"{name} {duration(one.seconds)}, {one.how}" for name, one in found.items())
    )
    raise ConfigError(
        f"{told}\n  {smaller(sampler)}, more time, or resources.beyond=true to start it all the "
        "same; nothing was started"
    )


def ends_in_order(sampler: Sampler, convergence: Convergence) -> bool:
    """Whether draws that a deadline cuts short are worth as much as those it would have come to:
    of chains and importance sampling, where not a fixed number is asked for. Nested samplers have
    no evidence until their end, and a grid has holes."""
    return convergence.adaptive and sampler.root.kind in ("emcee", "importance")
