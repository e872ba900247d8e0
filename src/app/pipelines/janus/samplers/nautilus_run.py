"""Importance nested sampling with neural networks (nautilus, Lange 2023, MNRAS 525:3181).

Deterministic given its seed: its generator is its own, its networks are seeded, and linear algebra
is kept to one thread, since sums depend on how they are cut. So it is resumed by its evaluations
(`recorded`), not by its own HDF5 file, which is rewritten in place at every bound.
"""

import copy
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Nautilus
from app.pipelines.janus.convergence import check_sizes
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.diagnostics import kish_size, weights_of
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Prior
from app.pipelines.janus.samplers.recorded import Recorded, draws_of, nothing_yet
from app.pipelines.janus.samplers.task import SamplingTask

PACKAGES = ("nautilus-sampler", "scikit-learn", "scipy", "numpy")
MORE = 1.02  # than what seems to be needed
GROWTH = 2.0  # at most, of the effective draws between two looks
EXPLORING = 0.5  # of the progress; the rest is sampling the shells that were found
NEEDED = (  # by nautilus, to tell its posterior and evidence
    "explored", "_discard_exploration", "bounds", "points", "log_l", "shell_n", "shell_n_sample",
    "shell_n_eff", "shell_log_l", "shell_log_v", "shell_n_sample_exp", "shell_end_exp",
)  # fmt: skip


def sample(task: SamplingTask, sampler: Nautilus) -> Draws:
    """Draws until the live set holds `f_live` of the evidence, `n_eff` is reached, and all targets
    of convergence that it has are met: from then on it is only asked for a larger `n_eff`.

    Points drawn while the shells were looked for decided where these are: they bias ln Z (24 runs:
    by -0.36 +- 0.08 of its error; without them by -0.05 +- 0.13), and are left out. A run that a
    deadline ends uses them all. ln Z has the error 1/sqrt(n_eff), which is cautious (in the same
    runs the spread was 0.6 of it); there is no ln Z before the shells are found.
    """
    from threadpoolctl import threadpool_limits

    whole: dict[str, Any] = {}
    is_done = False
    with Recorded(task, PACKAGES) as record, threadpool_limits(limits=1), _interrupts_heard():
        nautilus = _nautilus(task, sampler, record)
        with task.run.until_deadline():
            n_eff = asked_n_eff(sampler, task.convergence)
            progress = _Progress(sampler)
            while not is_done:
                was_last = _step(nautilus, sampler, n_eff)
                if was_last and (lacking := _lacking(task, nautilus)) > 1.0:
                    n_eff = MORE * max(n_eff, float(nautilus.n_eff)) * min(lacking, GROWTH)
                    was_last = False
                whole = {name: copy.copy(getattr(nautilus, name)) for name in NEEDED}
                record.fraction = progress.of(nautilus, n_eff)
                record.cursor = {"shells": len(nautilus.bounds)}
                is_done = was_last  # only now: a deadline may strike between any two lines
        if not whole:
            raise nothing_yet(task)
        vars(nautilus).update(whole)
        if nautilus.explored and not is_done:
            nautilus.discard_exploration = False
        return _draws(task, nautilus, record, "converged" if is_done else "deadline")


def _nautilus(task: SamplingTask, sampler: Nautilus, record: Recorded) -> Any:
    from nautilus import Sampler

    prior: Prior = task.posterior.prior
    ndim = task.posterior.ndim

    def transform(unit: Array) -> Array:
        return prior.transform(unit[:, :ndim])

    return Sampler(
        transform,
        record,
        n_dim=max(ndim, 2),  # it takes no fewer: one that nothing depends on leaves ln Z as it is
        n_live=sampler.live_points,
        n_networks=sampler.networks,
        n_batch=sampler.batch,
        vectorized=True,
        pass_dict=False,
        seed=task.seed,
    )


def asked_n_eff(sampler: Nautilus, targets: Convergence) -> float:
    """What the targets cannot be met with less than; what of them is known beforehand."""
    if not targets.adaptive:
        return sampler.n_eff
    of_ln_z = 0.0 if targets.ln_z_sd is None else targets.ln_z_sd**-2
    return max(sampler.n_eff, targets.ess, of_ln_z)


def _lacking(task: SamplingTask, nautilus: Any) -> float:
    """How many times as many effective draws the targets ask for; at most 1 where they are met. A
    parameter that is the same in all draws would be in more of them."""
    targets = task.convergence
    if not targets.adaptive:
        return 1.0
    theta, log_weight, _ = nautilus.posterior()
    weight = weights_of(log_weight)
    check = check_sizes(theta, weight, targets, task.posterior.names)
    assert check.ess is not None
    assert check.mcse is not None
    short = [
        targets.ess / kish_size(weight),
        np.nanmax(targets.ess / check.ess, initial=0.0),
        np.nanmax((check.mcse / targets.mcse) ** 2, initial=0.0),
    ]
    if targets.ln_z_sd is not None:
        short.append((_ln_z_sd(nautilus) / targets.ln_z_sd) ** 2)
    return float(max(short))


def _ln_z_sd(nautilus: Any) -> float:
    return 1.0 / math.sqrt(float(nautilus.n_eff))


def _step(nautilus: Any, sampler: Nautilus, n_eff: float) -> bool:
    """One batch, as `run` without a limit would take it; whether that was the last one."""
    limit = nautilus.n_like + 1
    return bool(
        nautilus.run(
            f_live=sampler.f_live,
            n_eff=n_eff,
            n_like_max=limit,
            discard_exploration=True,
        )
    )


class _Progress:
    """The share of the evidence that the live set holds falls to `f_live`; then the effective
    sample size rises to `n_eff`."""

    def __init__(self, sampler: Nautilus) -> None:
        self._sampler = sampler
        self._n_eff_before: float | None = None

    def of(self, nautilus: Any, asked: float) -> float:
        if not nautilus.explored:
            f_live = min(max(float(nautilus.f_live), self._sampler.f_live), 1.0)
            return EXPLORING * math.log(f_live) / math.log(self._sampler.f_live)
        n_eff = float(nautilus.n_eff)
        if self._n_eff_before is None:
            self._n_eff_before = n_eff
        missing = max(asked - self._n_eff_before, 1e-9)
        return EXPLORING + (1.0 - EXPLORING) * min((n_eff - self._n_eff_before) / missing, 1.0)


def _draws(task: SamplingTask, nautilus: Any, record: Recorded, ended: str) -> Draws:
    theta, log_weight, log_likelihood = nautilus.posterior()
    n_eff = float(nautilus.n_eff)
    is_explored = bool(nautilus.explored)
    if ended == "converged":
        record.fraction = 1.0
        record.tell()
    return draws_of(
        task,
        theta,
        log_likelihood,
        log_weight,
        ended=ended,
        evaluations=record.evaluations,
        ln_z=float(nautilus.log_z) if is_explored else None,
        ln_z_sd=_ln_z_sd(nautilus) if is_explored else None,
        details={
            "n_eff": n_eff,
            "shells": int(np.count_nonzero(nautilus.shell_n)),
            "explored": is_explored,
            "exploration_used": ended != "converged",
            "unused_dimensions": nautilus.n_dim - task.posterior.ndim,
        },
    )


@contextmanager
def _interrupts_heard() -> Iterator[None]:
    """scikit-learn ends the training of a network at Ctrl-C, warns, and goes on with it: here the
    warning is an error, and the interrupt goes on in its place."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Training interrupted by user")
        try:
            yield
        except UserWarning as warning:
            if isinstance(warning.__context__, KeyboardInterrupt):
                raise warning.__context__ from None
            raise
