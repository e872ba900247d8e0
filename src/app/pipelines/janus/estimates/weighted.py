"""Adaptive importance sampling: it adapts once for real; its targets then tell the batches."""

from dataclasses import dataclass, replace

from app.config.janus.sampler import Importance
from app.pipelines.janus.estimates.cost import Cost
from app.pipelines.janus.estimates.found import Time
from app.pipelines.janus.estimates.rehearsal import Asked, Rehearsal, Tick, rehearsed
from app.pipelines.janus.estimates.stand_in import played_for
from app.pipelines.janus.samplers.importance import ADAPTING

SMALLER = 8  # batches, where adapting takes too long for a rehearsal
ROUNDS = 3  # of batches from the frozen proposals, that tell what one takes
LEAST_BATCH = 64
LOOKED = 0.985  # of the batches to come; beyond, how many they are is not known yet


def time_of(asked: Asked, cost: Cost, limit_s: float) -> Time:
    """Of `sampler=importance`."""
    sampler: Importance = asked.sampler
    played = played_for(asked, cost, limit_s)
    work = _work(played.asked, limit_s)
    most_batches = max(sampler.populations * sampler.max_batches, work.batches)
    evaluations = work.adapting + round(work.batches * work.each)
    most = work.adapting + most_batches * work.each
    told = f"{work.told}; {played.told}"
    if played.asked is not asked:
        told += f"; a posterior that is no Gaussian takes more, {most:,.0f} evaluations at most"
    return Time(
        work.adapting_s + work.batches * work.each_s + played.added_s * evaluations,
        work.adapting_s + most_batches * work.each_s + played.added_s * most,
        evaluations,
        told,
    )


@dataclass(frozen=True)
class _Work:
    """Evaluations and seconds of the adaptation; batches from then on, and those of each."""

    adapting: int
    adapting_s: float
    batches: int
    each: float
    each_s: float
    told: str


def _work(asked: Asked, limit_s: float) -> _Work:
    sampler: Importance = asked.sampler
    found = rehearsed(asked, limit_s, lambda tick: _tells(tick, sampler))
    last = found.ticks[-1]
    is_whole = found.draws is not None
    if not is_whole and not _tells(last, sampler):
        return _from_smaller(asked, limit_s)
    adapting, drawn = _adapting(found), int(last.cursor["batches"])
    batches = drawn if is_whole else _needed(found.ticks, sampler)
    told = "the whole run was rehearsed"
    if not is_whole:
        told = f"it adapted; its targets are expected after {batches} batches"
    return _Work(
        adapting.evaluations,
        adapting.seconds,
        batches,
        (found.evaluations - adapting.evaluations) / drawn,
        (found.seconds - adapting.seconds) / drawn,
        told,
    )


def _from_smaller(asked: Asked, limit_s: float) -> _Work:
    """From smaller batches: as many draws are needed, and as many batches adapt."""
    sampler: Importance = asked.sampler
    if sampler.batch <= LEAST_BATCH:
        limit_s = float("inf")
    batch = max(sampler.batch // SMALLER, LEAST_BATCH)
    times = sampler.batch / batch
    fewer = replace(asked, sampler=sampler.model_copy(update={"batch": batch}))
    work = _work(fewer, limit_s)
    return _Work(
        round(work.adapting * times),
        work.adapting_s * times,
        max(round(work.batches / times), sampler.populations),
        work.each * times,
        work.each_s * times,
        f"{work.told} of {batch}, scaled to batches of {sampler.batch}",
    )


def _tells(tick: Tick, sampler: Importance) -> bool:
    return int(tick.cursor["batches"]) >= ROUNDS * sampler.populations


def _adapting(found: Rehearsal) -> Tick:
    """The last tick before the first batch that counts."""
    return [tick for tick in found.ticks if not tick.cursor["batches"]][-1]


def _needed(ticks: list[Tick], sampler: Importance) -> int:
    """Batches in the end, as the sampler itself expects them from what it has looked at."""
    populations = sampler.populations
    shares = [
        (int(tick.cursor["batches"]), (tick.fraction - ADAPTING) / (1.0 - ADAPTING))
        for tick in ticks
        if int(tick.cursor["batches"]) >= populations
    ]
    known = [drawn / share for drawn, share in shares if 0.0 < share < LOOKED]
    needed = known[-1] if known else shares[-1][0]
    return min(max(round(needed), populations), populations * sampler.max_batches)
