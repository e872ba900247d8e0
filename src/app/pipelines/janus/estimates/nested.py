"""Nested samplers: with fewer live points they go through the same shells of the prior.

What dynesty does is proportional to its live points, once there are some; two rehearsals with a
few tell the line. What nautilus does is mostly the training of networks, at each of its shells: a
rehearsal tells what a shell takes, another one, with few live points and no networks, how many
there will be.
"""

import math
from dataclasses import replace

from app.config.janus.sampler import Dynesty, Nautilus
from app.pipelines.janus.estimates.cost import QUEUE, QUEUE_SHARE, Cost
from app.pipelines.janus.estimates.found import Time
from app.pipelines.janus.estimates.rehearsal import Asked, Rehearsal, Tick, rehearsed
from app.pipelines.janus.estimates.stand_in import played_for
from app.pipelines.janus.samplers.nautilus_run import asked_n_eff

FEWER = 8  # live points of the first rehearsal: a part of those asked for
LEAST = {"dynesty": 20, "nautilus": 50}  # live points, as the config allows them
OFF = {"dynesty": 1.25, "nautilus": 2.0}  # a run takes at most so much more, about
SHELLS = 3  # of a nautilus, that tell what one takes
MORE_SHELLS = 1.04  # for each doubling of the live points
DRAWN = 1.2  # evaluations for each effective draw, once the shells are known


def time_of(asked: Asked, cost: Cost, limit_s: float) -> Time:
    """Of dynesty or nautilus."""
    played = played_for(asked, cost, limit_s)
    scaled = _dynesty if isinstance(asked.sampler, Dynesty) else _nautilus
    seconds, evaluations, told = scaled(played.asked, limit_s)
    seconds += played.added_s * evaluations
    is_whole = told == WHOLE and played.asked is asked
    most = seconds if is_whole else OFF[asked.sampler.kind] * seconds
    return Time(seconds, most, evaluations, f"{told}; {played.told}")


WHOLE = "the whole run was rehearsed"
Scaled = tuple[float, int, str]


def _dynesty(asked: Asked, limit_s: float) -> Scaled:
    """Rehearsals with twice as many live points each, as long as there is time for another, and
    the line through the last two; the whole run where there is time for that."""
    live = asked.sampler.live_points
    points, before = max(live // FEWER, LEAST["dynesty"]), None
    spent = 0.0
    while True:
        points = min(points, live)
        found = _with(asked, live_points=points)
        if points == live:
            return found.seconds, found.evaluations, WHOLE
        spent += found.seconds
        if spent + found.seconds * live / points <= limit_s:
            points = live
            continue
        if before is not None and spent + 2.0 * found.seconds > limit_s:
            break
        before, points = (points, found), 2 * points
    fewer, first = before
    widest = max(min(live, QUEUE * QUEUE_SHARE), points)  # with more, batches grow no longer
    seconds = _line(fewer, first.seconds, points, found.seconds, widest) * live / widest
    evaluations = round(_line(fewer, first.evaluations, points, found.evaluations, live))
    told = f"from {fewer} and {points} of {live} live points, off by up to a fifth"
    return seconds, evaluations, told


def _nautilus(asked: Asked, limit_s: float) -> Scaled:
    """Shells as many as they are expected to be, each like those of the rehearsal."""
    sampler: Nautilus = asked.sampler
    found = rehearsed(asked, limit_s, lambda tick: tick.cursor.get("shells", 0) > SHELLS)
    if found.draws is not None:
        return found.seconds, found.evaluations, WHOLE
    first: dict[int, Tick] = {}
    for tick in found.ticks:
        first.setdefault(int(tick.cursor.get("shells", 0)), tick)
    known = sorted(number for number in first if number > 0)
    if len(known) < 2:
        last = found.ticks[-1]
        seconds = last.seconds / max(last.fraction, 0.01)
        return seconds, round(last.evaluations / max(last.fraction, 0.01)), "not one shell was done"
    begun, reached = first[known[0]], first[known[-1]]
    each_s = (reached.seconds - begun.seconds) / (known[-1] - known[0])
    each = (reached.evaluations - begun.evaluations) / (known[-1] - known[0])
    few = max(sampler.live_points // FEWER, LEAST["nautilus"])
    bare = _with(asked, live_points=few, networks=0, n_eff=100)
    doublings = math.log2(sampler.live_points / few)
    shells = bare.ticks[-1].cursor["shells"] * MORE_SHELLS**doublings
    to_draw = DRAWN * asked_n_eff(sampler, asked.convergence)
    drawing_s = to_draw * bare.seconds / max(bare.evaluations, 1)
    seconds = begun.seconds + each_s * (shells - known[0] + 1) + drawing_s
    evaluations = begun.evaluations + each * (shells - known[0] + 1) + to_draw
    told = (
        f"about {shells:.0f} shells, each like the first {known[-1] - known[0]}; off by up to a "
        "factor of two"
    )
    return seconds, round(evaluations), told


def _line(x1: int, y1: float, x2: int, y2: float, x: int) -> float:
    """Through two points, and no flatter than a third of that through the origin."""
    slope = max((y2 - y1) / (x2 - x1), y2 / x2 / 3.0)
    return y2 + slope * (x - x2)


def _with(asked: Asked, **changed: int) -> Rehearsal:
    sampler = asked.sampler.model_copy(update=changed)
    return rehearsed(replace(asked, sampler=sampler), float("inf"))
