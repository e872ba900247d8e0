"""Nested sampling (dynesty, Speagle 2020, MNRAS 493:3132), in batches where it can be.

Deterministic given its seed: its generator is handed to it, and linear algebra is kept to one
thread, since sums depend on how they are cut. So it is resumed by its evaluations (`recorded`), not
by its own pickles.
"""

import logging
import math
import warnings
from typing import Any

import numpy as np

from app.config.janus.sampler import Dynesty
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.dynesty_volumes import sd_of_means
from app.pipelines.janus.samplers.recorded import Recorded, draws_of, nothing_yet
from app.pipelines.janus.samplers.task import SamplingTask

log = logging.getLogger(__name__)

PACKAGES = ("dynesty", "scipy", "numpy")
IMPOSSIBLE = -1e299  # dynesty's stand-in for a log-likelihood of -inf is -1e300
VOLUMES = 1  # of the generators that the run's seed gives: that of the volumes
LIVE = (  # of dynesty's attributes: what its live points, and the volume they stand for, are
    "live_u", "live_v", "live_logl", "plateau_mode", "plateau_counter", "plateau_logdvol",
)  # fmt: skip


def sample(task: SamplingTask, sampler: Dynesty) -> Draws:
    """Draws until the evidence that may be left adds less than `dlogz` to ln Z, or until the live
    points are all as likely (ended "plateau").

    ln Z is told of a run that converged only: what the live points would add is not known before.
    """
    from threadpoolctl import threadpool_limits

    from app.pipelines.janus.samplers.dynesty_batches import nested_sampler

    nested, whole, is_done = None, None, False
    with (
        Recorded(task, PACKAGES) as record,
        threadpool_limits(limits=1),
        warnings.catch_warnings(record=True) as told,
    ):
        with task.run.until_deadline():
            nested = nested_sampler(task, sampler, record)
            whole, told_at = _whole(nested), 0
            for step in nested.sample(dlogz=sampler.dlogz, save_bounds=False):
                whole = _whole(nested)
                if record.evaluations > told_at:  # many steps are of one batch
                    told_at = record.evaluations
                    record.fraction = _fraction(whole, step.logz, step.logvol, sampler)
                    record.cursor = {"dead_points": whole["dead"]}
            is_done = True
        if nested is None or whole is None:
            raise nothing_yet(task)
        left = _restore(nested, whole)
        ended = "deadline" if not is_done else "converged" if left < sampler.dlogz else "plateau"
        if is_done:
            record.fraction = 1.0
            record.tell()
        messages = sorted({str(item.message) for item in told})
        for message in messages:
            log.warning("%s: %s", task.name, message)
        return _draws(task, nested, record, ended, left, messages)


def _whole(nested: Any) -> dict[str, Any]:
    """What was reached between two steps: a deadline strikes within one."""
    whole = {name: getattr(nested, name) for name in LIVE}
    whole |= {name: whole[name].copy() for name in ("live_u", "live_v", "live_logl")}
    return {**whole, "dead": len(nested.saved_run["logl"])}


def _fraction(whole: dict[str, Any], ln_z: float, ln_volume: float, sampler: Dynesty) -> float:
    """Of the dead points there will be. Each shrinks the volume by 1/live_points, until the best
    likelihood in all of it is exp(dlogz) - 1 of the evidence: what was found, and what the live
    points are worth."""
    best = float(whole["live_logl"].max())
    worth = best + math.log(float(np.mean(np.exp(whole["live_logl"] - best))))
    ln_total = np.logaddexp(ln_z, ln_volume + worth)
    to_shrink = best + ln_volume - ln_total - math.log(math.expm1(sampler.dlogz))
    to_come = sampler.live_points * max(float(to_shrink), 0.0)
    return float(whole["dead"] / (whole["dead"] + to_come))


def _restore(nested: Any, whole: dict[str, Any]) -> float:
    """Brings dynesty back to what was whole; the change of ln Z that may have been left."""
    vars(nested).update({name: whole[name] for name in LIVE})
    dead = whole["dead"]
    for name in nested.saved_run.keys():  # noqa: SIM118 - a RunRecord cannot be iterated
        del nested.saved_run[name][dead:]
    if not dead:
        return math.inf
    ln_volume, ln_z = nested.saved_run["logvol"][-1], nested.saved_run["logz"][-1]
    return float(np.logaddexp(0.0, whole["live_logl"].max() + ln_volume - ln_z))


def _draws(
    task: SamplingTask, nested: Any, record: Recorded, ended: str, left: float, told: list[str]
) -> Draws:
    """Dead and live points, weighted by the prior's volume between them.

    Raises:
        SuperiorError: none is possible.
    """
    from dynesty.utils import compute_integrals

    for _live in nested.add_live_points():
        pass
    theta, ln_likelihood, ln_volume = (
        np.array(nested.saved_run[name]) for name in ("v", "logl", "logvol")
    )
    is_possible = ln_likelihood > IMPOSSIBLE
    if not is_possible.any():
        raise nothing_yet(task)
    known = np.where(is_possible, ln_likelihood, -np.inf)
    rng = np.random.default_rng((task.seed, VOLUMES))
    mean_sd = sd_of_means(theta, known, ln_volume, nested.nlive, rng)
    ln_weight, ln_z, variance, _ = compute_integrals(logl=ln_likelihood, logvol=ln_volume)
    is_done = ended == "converged"
    return draws_of(
        task,
        theta,
        ln_likelihood,
        np.where(is_possible, ln_weight, -np.inf),
        ended=ended,
        evaluations=record.evaluations,
        ln_z=float(ln_z[-1]) if is_done else None,
        ln_z_sd=float(np.sqrt(variance[-1])) if is_done else None,
        details={
            "dead_points": len(theta) - nested.nlive,
            "mean_sd": mean_sd.tolist(),  # of the means, by the volumes alone
            "dlogz_left": left if math.isfinite(left) else None,
            "proposals": type(nested.internal_sampler_next).__name__,
            "warnings": told,
        },
    )
