"""Whether draws are enough, by their own numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.config.janus.sampler import Convergence
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.diagnostics import (
    LEAST_STEPS,
    autocorrelation_times,
    effective_sizes,
    kish_size,
    pareto_k,
    rhat_of_populations,
    split_rhat,
    weighted_errors,
    weights_of,
)
from app.pipelines.janus.shortfalls import (
    acceptance_unmet,
    apart,
    evidence_unmet,
    rhat_unmet,
    size_unmet,
    tau_unmet,
)


@dataclass(frozen=True)
class Check:
    """What was found, and what is short of its target. None: not defined for these draws; NaN in
    an array: not defined for that parameter, which is then in `unmet` too."""

    tau: Array | None = None  # (d,) steps, the worst of the ensembles
    ess: Array | None = None  # (d,) effective draws
    rhat: Array | None = None  # (d,)
    mcse: Array | None = None  # (d,) standard error of the mean, in standard deviations
    acceptance: float | None = None  # of all walkers
    pareto_k: float | None = None
    unmet: list[str] = field(default_factory=list)

    @property
    def converged(self) -> bool:
        return not self.unmet


def check_chain(
    theta: Array,
    accepted: Array,
    steps: int,
    before: Array | None,
    targets: Convergence,
    names: Sequence[str] = (),
) -> Check:
    """Of chains theta (E, S, W, d): the steps that would be used, without those discarded.

    `accepted` (E, W) proposals of all `steps` made since the start; `before`: `Check.tau` of the
    look before, None at the first, which cannot tell that tau is stable. `names`: for sentences.
    """
    _, used, walkers, ndim = theta.shape
    labels = _labels(names, ndim)
    share = accepted / max(steps, 1)
    acceptance = float(share.mean())
    unmet = acceptance_unmet(share, targets)
    if used < LEAST_STEPS:
        unmet.insert(0, f"{used} steps are too few to tell anything; at least {LEAST_STEPS}")
        return Check(acceptance=acceptance, unmet=unmet)
    times = autocorrelation_times(theta)
    tau = times.max(axis=0)  # NaN where any is
    ess = effective_sizes(times, used * walkers)
    mcse = 1.0 / np.sqrt(ess)
    # Steps within tau/2 tell R-hat nothing new, and its ranks are what costs
    longest = np.nanmax(tau) if np.isfinite(tau).any() else 1.0
    stride = max(1, min(int(longest / 2.0), used // 100))
    rhat = split_rhat(theta[:, ::stride])
    for i, label in enumerate(labels):
        if not np.isfinite(tau[i]):
            unmet.append(f"{label} never moved: nothing is known of it")
            continue
        if used < targets.tau_multiple * tau[i]:
            unmet.append(
                f"{used} steps are {used / tau[i]:.3g} autocorrelation times of {label} "
                f"(tau = {tau[i]:.4g}), below {targets.tau_multiple:g}"
            )
        unmet += tau_unmet(label, tau[i], before[i] if before is not None else None, targets)
        unmet += size_unmet(label, ess[i], mcse[i], targets)
    unmet += rhat_unmet(labels, rhat, targets)
    return Check(tau, ess, rhat, mcse, acceptance, None, unmet)


def check_weighted(
    theta: Array,
    log_weight: Array,
    ln_z_sd: float | None,
    targets: Convergence,
    names: Sequence[str] = (),
) -> Check:
    """Of importance draws theta (E, N, 1, d) or (E, N, d) of E independent populations, with
    log(posterior/proposal) of (E, N, 1) or (E, N), but for one constant. One population has no
    R-hat; weights have no tau."""
    populations, count = theta.shape[:2]
    theta = theta.reshape(populations, -1, theta.shape[-1])
    log_weight = log_weight.reshape(populations, -1)
    labels = _labels(names, theta.shape[-1])
    if not (log_weight > -np.inf).any():
        return Check(unmet=[f"all {populations * count} draws have a weight of 0"])
    weight = weights_of(log_weight)
    sizes = check_sizes(theta.reshape(-1, theta.shape[-1]), weight.ravel(), targets, labels)
    rhat = rhat_of_populations(theta, weight)
    shape = pareto_k(log_weight)
    unmet = sizes.unmet + rhat_unmet(labels, rhat, targets)
    unmet += evidence_unmet(weight, ln_z_sd, targets)
    if not shape <= targets.pareto_k:
        value, target = apart(shape, targets.pareto_k)
        unmet.append(f"Pareto k of the weights is {value}, above {target}")
    return replace(sizes, rhat=rhat, pareto_k=shape, unmet=unmet)


def check_sizes(
    theta: Array,
    weight: Array,
    targets: Convergence,
    labels: Sequence[str],
    least: Array | None = None,
) -> Check:
    """Of weighted draws (n, d): effective sizes and errors alone. `least` (d,): standard errors of
    the means that are known from elsewhere, of which the weights say nothing."""
    sd, error = weighted_errors(theta, weight)
    if least is not None:
        error = np.maximum(error, least)
    varies = (sd > 0.0) & (error > 0.0)
    mcse = np.full(len(sd), np.nan)
    mcse[varies] = error[varies] / sd[varies]
    ess = 1.0 / mcse**2
    unmet = []
    whole = kish_size(weight)
    if whole < targets.ess:
        value, target = apart(whole, targets.ess)
        unmet.append(f"effective sample size of the weights is {value}, below {target}")
    for i, label in enumerate(labels):
        if varies[i]:
            unmet += size_unmet(label, ess[i], mcse[i], targets)
        else:
            unmet.append(f"{label} is the same in all draws: nothing is known of it")
    return Check(ess=ess, mcse=mcse, unmet=unmet)


def _labels(names: Sequence[str], ndim: int) -> list[str]:
    return list(names) or [f"parameter {i + 1}" for i in range(ndim)]
