"""Chains: steps are all alike, so that a few of them tell the time of all.

Where the chain may end early, a longer rehearsal tells the autocorrelation time, and with it the
step at which convergence will be looked at and found.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from app.config.janus.sampler import Convergence, Emcee
from app.pipelines.janus.convergence import check_chain
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.estimates.cost import Cost
from app.pipelines.janus.estimates.found import Time
from app.pipelines.janus.estimates.rehearsal import Asked, Rehearsal, rehearsed
from app.pipelines.janus.estimates.stand_in import played_for
from app.pipelines.janus.samplers.looks import FIRST_LOOK, GROWTH

LOOKED_AT = 4000  # steps, at most, of a look that is timed
FEW = 10
KNOWN = 10.0  # autocorrelation times in a rehearsal that tells one
SETTLED = 300  # steps after which walkers are where the posterior is
MANY = 20  # steps, that differ
SETTLING = 0.3  # of a rehearsal: walkers come from all over the prior


def time_of(asked: Asked, cost: Cost, limit_s: float) -> Time:
    """Of emcee's ensembles."""
    sampler: Emcee = asked.sampler
    halves = 2 * sampler.ensembles * min(SETTLED, sampler.steps)
    played = played_for(asked, cost, limit_s, halves)
    found = rehearsed(played.asked, limit_s)
    pace = _pace(found, _looks(asked.convergence, sampler.steps)).slower(played.added_s)
    pace = replace(pace, look_s=_look_s(asked, found))
    if found.draws is not None and played.asked is asked:
        is_last = found.draws.ended == "steps"
        most = found.seconds if is_last else _in_steps(asked, pace, sampler.steps).seconds
        told = f"all of its {_steps_in(found)} steps were rehearsed"
        return Time(found.seconds, most, found.evaluations, told)
    where = f"{_steps_in(found)} steps were rehearsed {played.told}"
    whole = _in_steps(asked, pace, sampler.steps)
    if not asked.convergence.adaptive:
        return Time(
            whole.seconds, whole.seconds, whole.evaluations, f"{sampler.steps} steps; {where}"
        )
    steps, tau = _expected_steps(played.asked, found)
    if steps is None:
        return Time(
            whole.seconds,
            whole.seconds,
            whole.evaluations,
            f"at most: {sampler.steps} steps, since the autocorrelation time is not known after "
            f"{where}",
        )
    expected = _in_steps(asked, pace, steps)
    return Time(
        expected.seconds,
        whole.seconds,
        expected.evaluations,
        f"about {steps} steps of at most {sampler.steps}: an autocorrelation time of about "
        f"{tau:.0f} steps; {where}",
    )


@dataclass(frozen=True)
class Pace:
    """Seconds and evaluations of the starts, what the first steps took more or less included, and
    of each step of all ensembles."""

    begun_s: float
    begun: int
    step_s: float
    each_step: float
    look_s: float = 0.0  # of a look at convergence, for each step of the chain

    def slower(self, seconds: float) -> "Pace":
        """By so much for each evaluation."""
        return replace(
            self,
            begun_s=self.begun_s + seconds * self.begun,
            step_s=self.step_s + seconds * self.each_step,
        )


def _pace(found: Rehearsal, looks: list[int]) -> Pace:
    """Of the steps after the first ones, which are made far out; those that a look at convergence
    precedes are left out, since looks are counted by themselves."""
    step = np.array([tick.cursor["step"] for tick in found.ticks])
    seconds = np.diff([tick.seconds for tick in found.ticks])
    evaluations = np.diff([tick.evaluations for tick in found.ticks])
    first = found.ticks[0]
    if len(step) < MANY:
        each = (first.seconds, float(first.evaluations))
        if len(step) > 1:
            each = float(seconds.mean()), float(evaluations.mean())
        return Pace(max(first.seconds - each[0], 0.0), 0, *each)
    settled = int(SETTLING * len(step))
    steady = ~np.isin(step[settled:-1], looks)
    step_s = float(seconds[settled:][steady].mean())
    each_step = float(evaluations[settled:].mean())
    early_s = float((seconds[:settled] - step_s).sum())
    early = float((evaluations[:settled] - each_step).sum())
    begun = first.evaluations + early - each_step
    return Pace(first.seconds + early_s - step_s, round(begun), step_s, each_step)


def _steps_in(found: Rehearsal) -> int:
    return int(found.ticks[-1].cursor["step"])


@dataclass(frozen=True)
class _Work:
    seconds: float
    evaluations: int


def _in_steps(asked: Asked, pace: Pace, steps: int) -> _Work:
    looks = _looks(asked.convergence, steps)
    seconds = pace.begun_s + steps * pace.step_s + sum(looks) * pace.look_s
    return _Work(seconds, pace.begun + round(steps * pace.each_step))


def _looks(convergence: Convergence, steps: int) -> list[int]:
    """The steps at which convergence is looked at."""
    if not convergence.adaptive:
        return [steps]
    looks, at = [], FIRST_LOOK
    while at < steps:
        looks.append(at)
        at = math.ceil(GROWTH * at)
    return [*looks, steps]


def _look_s(asked: Asked, found: Rehearsal) -> float:
    """Seconds of a look at convergence for each step it looks at, from one at the rehearsal's: it
    takes as long as there are steps, its Fourier transforms but little more. The draws are put in
    order at the end, which takes a fraction of a look."""
    theta = _theta(found)[:, -LOOKED_AT:]
    accepted = np.full(theta.shape[::2], 0.4 * theta.shape[1])
    check_chain(theta[:, :FEW], accepted, FEW, None, asked.convergence)  # imports
    began = time.perf_counter()
    check_chain(theta, accepted, theta.shape[1], None, asked.convergence)
    took = time.perf_counter() - began
    return took / int(theta.shape[1])


def _theta(found: Rehearsal) -> Array:
    """(E, S, W, d) of the rehearsal."""
    if found.draws is not None:
        return found.draws.theta
    assert found.chain is not None  # what a stopped emcee has
    return np.ascontiguousarray(np.moveaxis(found.chain, 0, 1)[..., :-2])


def _expected_steps(played: Asked, found: Rehearsal) -> tuple[int | None, float]:
    """The look at which all will be met, as far as the rehearsal tells; and tau."""
    sampler: Emcee = played.sampler
    targets = played.convergence
    if found.draws is not None and found.draws.ended == "converged":
        looks = found.draws.details["looks"]
        return _steps_in(found), float(np.max(looks[-1]["tau"]))
    theta = _theta(found)
    theta = theta[:, theta.shape[1] // 5 :]
    accepted = np.full(theta.shape[::2], 0.4 * theta.shape[1])
    check = check_chain(theta, accepted, theta.shape[1], None, targets)
    if check.tau is None or not np.isfinite(check.tau).all():
        return None, math.nan
    tau = float(check.tau.max())
    if theta.shape[1] < KNOWN * tau:
        return None, tau
    walkers = sampler.ensembles * sampler.walkers
    sizes = max(targets.ess, 1.0 / targets.mcse**2) / walkers
    need = (2.0 + max(targets.tau_multiple, sizes)) * tau
    looks = _looks(targets, sampler.steps)
    first = next((at for at, look in enumerate(looks) if look >= need), len(looks) - 1)
    # tau must be stable between two looks, which it seldom is at the first that might do
    return looks[min(first + 1, len(looks) - 1)], tau
