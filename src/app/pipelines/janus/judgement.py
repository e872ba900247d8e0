"""Whether finished draws are enough, and what they say at all: for the report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.config.janus.sampler import JUDGED, Convergence
from app.pipelines.janus.constraint import LEAST_GAIN, information_gains, on_bounds
from app.pipelines.janus.convergence import Check, check_chain, check_sizes, check_weighted
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.diagnostics import autocorrelation_times
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Prior
from app.pipelines.janus.shortfalls import ended_unmet, ln_z_unmet, mean_unmet


@dataclass(frozen=True)
class Judgement:
    """Of finished draws, for the report: JSON. Numbers are by parameter; None: not defined."""

    converged: bool
    judged: list[str]  # keys of `convergence` that these draws were held against
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


def judge(
    draws: Draws, targets: Convergence, prior: Prior, kind: str, possible: Array | None = None
) -> Judgement:
    """Of all that the sampler `kind` (`sampler.kind`) has made; draws discarded are left out.
    `possible`: see `information_gains`."""
    check = _check(draws, targets, kind)
    theta, weight = _independent(draws, check.tau)
    sizes = check.ess if kind != "quadrature" else None
    gains = information_gains(theta, weight, sizes, prior, possible)
    unconstrained = [n for n, gain in zip(draws.names, gains, strict=True) if gain < LEAST_GAIN]
    piled = [name for name in on_bounds(theta, weight, prior) if name not in unconstrained]

    def named(values: Array | None) -> dict[str, float | None] | None:
        return None if values is None else _named(draws.names, values)

    return Judgement(
        converged=check.converged,
        judged=list(JUDGED[kind]),
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
    theta, weight = draws.kept()
    told = draws.details.get("mean_sd")
    least = None if told is None else np.array(told)
    check = check_sizes(theta, weight, targets, draws.names, least)
    unmet = ended_unmet(draws.ended) + check.unmet
    if targets.ln_z_sd is not None and draws.ln_z_sd is not None:
        unmet += ln_z_unmet(draws.ln_z_sd, targets)
    return replace(check, unmet=unmet)


def _grid_unmet(draws: Draws, targets: Convergence) -> list[str]:
    """A whole grid has errors of ln Z and of the means; a part of one has none that counts."""
    if draws.ended == "deadline" or draws.ln_z_sd is None:
        return ended_unmet(draws.ended)
    mean = draws.details.get("mean_error", 0.0)
    unknown = np.inf  # where a coarser grid has none
    unmet = ln_z_unmet(draws.ln_z_sd, targets)
    return unmet + mean_unmet(unknown if mean is None else mean, targets)


def _check_finished_chain(draws: Draws, targets: Convergence) -> Check:
    """What ended as `converged` had a stable tau; of others, that of two thirds is looked at."""
    assert draws.accepted is not None
    kept = draws.theta[:, draws.discard :]
    before = autocorrelation_times(kept[:, : 2 * kept.shape[1] // 3]).max(axis=0)
    if draws.ended == "converged":
        before = autocorrelation_times(kept).max(axis=0)
    return check_chain(kept, draws.accepted, draws.theta.shape[1], before, targets, draws.names)
