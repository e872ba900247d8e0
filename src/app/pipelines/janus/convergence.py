"""Whether draws are enough: while they are made, and for the report."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.config.janus.sampler import Convergence
from app.pipelines.janus.constraint import LEAST_GAIN, information_gains, on_bounds
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
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Prior
from app.pipelines.janus.shortfalls import (
    acceptance_unmet,
    apart,
    ended_unmet,
    evidence_unmet,
    ln_z_unmet,
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
    sizes = _check_sizes(theta.reshape(-1, theta.shape[-1]), weight.ravel(), targets, labels)
    rhat = rhat_of_populations(theta, weight)
    shape = pareto_k(log_weight)
    unmet = sizes.unmet + rhat_unmet(labels, rhat, targets)
    unmet += evidence_unmet(weight, ln_z_sd, targets)
    if not shape <= targets.pareto_k:
        value, target = apart(shape, targets.pareto_k)
        unmet.append(f"Pareto k of the weights is {value}, above {target}")
    return replace(sizes, rhat=rhat, pareto_k=shape, unmet=unmet)


def _check_sizes(theta: Array, weight: Array, targets: Convergence, labels: Sequence[str]) -> Check:
    """Of weighted draws (n, d): effective sizes and errors alone."""
    sd, error = weighted_errors(theta, weight)
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


@dataclass(frozen=True)
class Judgement:
    """Of finished draws, for the report: JSON. Numbers are by parameter; None: not defined."""

    converged: bool
    unmet: list[str]  # sentences
    ess: dict[str, float | None] | None
    rhat: dict[str, float | None] | None
    tau: dict[str, float | None] | None  # steps
    mcse: dict[str, float | None] | None  # in standard deviations
    acceptance: float | None
    pareto_k: float | None
    gain: dict[str, float | None]  # nats, from prior to posterior
    unconstrained: list[str]  # the data say nothing of them
    on_bounds: list[str]  # cut off by their prior


def judge(draws: Draws, targets: Convergence, prior: Prior, kind: str) -> Judgement:
    """Of all that the sampler `kind` (`sampler.kind`) has made; draws discarded are left out."""
    check = _check(draws, targets, kind)
    theta, weight = _independent(draws, check.tau)
    gains = information_gains(theta, weight, check.ess if kind != "quadrature" else None, prior)
    unconstrained = [n for n, gain in zip(draws.names, gains, strict=True) if gain < LEAST_GAIN]
    piled = [name for name in on_bounds(theta, weight, prior) if name not in unconstrained]

    def named(values: Array | None) -> dict[str, float | None] | None:
        return None if values is None else _named(draws.names, values)

    return Judgement(
        converged=check.converged,
        unmet=check.unmet,
        ess=named(check.ess),
        rhat=named(check.rhat),
        tau=named(check.tau),
        mcse=named(check.mcse),
        acceptance=check.acceptance,
        pareto_k=check.pareto_k,
        gain=_named(draws.names, gains),
        unconstrained=unconstrained,
        on_bounds=piled,
    )


def _independent(draws: Draws, tau: Array | None) -> tuple[Array, Array]:
    """Draws and weights; of a chain, those half an autocorrelation time apart: marginals are sorted
    again and again, and steps between them tell nothing new."""
    if tau is None or not np.isfinite(tau).any():
        return draws.kept()
    stride = max(1, int(np.nanmin(tau) / 2.0))
    theta = draws.theta[:, draws.discard :: stride].reshape(-1, len(draws.names))
    return theta, np.full(len(theta), 1.0 / len(theta))


def _named(names: Sequence[str], values: Array) -> dict[str, float | None]:
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in zip(names, values, strict=True)
    }


def _check(draws: Draws, targets: Convergence, kind: str) -> Check:
    if draws.log_weight is None:
        return _check_finished_chain(draws, targets)
    if kind == "importance":
        return check_weighted(draws.theta, draws.log_weight, draws.ln_z_sd, targets, draws.names)
    if kind == "quadrature":  # no sample: nothing of it is random
        return Check(unmet=_grid_unmet(draws, targets))
    ended = ended_unmet(draws.ended)
    theta, weight = draws.kept()
    check = _check_sizes(theta, weight, targets, draws.names)
    return replace(check, unmet=ended + check.unmet)


def _grid_unmet(draws: Draws, targets: Convergence) -> list[str]:
    """A whole grid has the error of ln Z as its one target; a part of one has none that counts."""
    if draws.ended != "deadline" and draws.ln_z_sd is not None:
        return ln_z_unmet(draws.ln_z_sd, targets)
    return ended_unmet(draws.ended)


def _check_finished_chain(draws: Draws, targets: Convergence) -> Check:
    """What ended as `converged` had a stable tau; of others, that of two thirds is looked at."""
    assert draws.accepted is not None
    kept = draws.theta[:, draws.discard :]
    before = autocorrelation_times(kept[:, : 2 * kept.shape[1] // 3]).max(axis=0)
    if draws.ended == "converged":
        before = autocorrelation_times(kept).max(axis=0)
    return check_chain(kept, draws.accepted, draws.theta.shape[1], before, targets, draws.names)
