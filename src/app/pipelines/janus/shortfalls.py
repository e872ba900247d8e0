"""What is short of a target, in sentences for a report, with the number to be met."""

from collections.abc import Sequence

import numpy as np

from app.config.janus.sampler import Convergence
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.diagnostics import populations_disagree

LEAST_P = 1e-4  # of populations whose evidences are taken to agree


def acceptance_unmet(share: Array, targets: Convergence) -> list[str]:
    """Of each walker's share of accepted proposals, (E, W)."""
    unmet = []
    low, high = targets.acceptance
    for ensemble, mean in enumerate(share.mean(axis=1), start=1):
        if not low <= mean <= high:
            outside, limit = ("below", low) if mean < low else ("above", high)
            value, target = apart(mean, limit)
            unmet.append(f"acceptance of ensemble {ensemble} is {value}, {outside} {target}")
    stuck = int((share == 0.0).sum())
    if stuck:
        unmet.append(f"{stuck} of {share.size} walkers never moved")
    return unmet


def tau_unmet(label: str, tau: float, before: float | None, targets: Convergence) -> list[str]:
    if before is None or not np.isfinite(before):
        return [f"tau of {label} ({tau:.4g}) was looked at once: it is not known to be stable"]
    change = abs(tau - before) / tau
    if change <= targets.tau_change:
        return []
    value, target = apart(100.0 * change, 100.0 * targets.tau_change)
    return [f"tau of {label} changed by {value} % since the look before, above {target} %"]


def size_unmet(label: str, ess: float, mcse: float, targets: Convergence) -> list[str]:
    unmet = []
    if not ess >= targets.ess:
        value, target = apart(ess, targets.ess)
        unmet.append(f"effective sample size of {label} is {value}, below {target}")
    if not mcse <= targets.mcse:
        value, target = apart(mcse, targets.mcse)
        unmet.append(
            f"standard error of the mean of {label} is {value} standard deviations, above {target}"
        )
    return unmet


def rhat_unmet(labels: Sequence[str], rhat: Array | None, targets: Convergence) -> list[str]:
    if rhat is None:
        return []
    unmet = []
    for label, found in zip(labels, rhat, strict=True):
        if np.isnan(found):
            unmet.append(f"R-hat of {label} is not defined: too few different draws")
        elif found > targets.rhat:
            value, target = apart(found, targets.rhat)
            unmet.append(f"R-hat of {label} is {value}, above {target}")
    return unmet


def evidence_unmet(weight: Array, ln_z_sd: float | None, targets: Convergence) -> list[str]:
    unmet = ln_z_unmet(ln_z_sd, targets) if ln_z_sd is not None else []
    p = populations_disagree(weight)
    if p is not None and p < LEAST_P:
        unmet.append(
            f"the {len(weight)} populations disagree on ln Z (p = {p:.1e}, below {LEAST_P:g}): one "
            "of them has missed a part of the posterior"
        )
    return unmet


def ln_z_unmet(ln_z_sd: float, targets: Convergence) -> list[str]:
    if ln_z_sd <= targets.ln_z_target:
        return []
    value, target = apart(ln_z_sd, targets.ln_z_target)
    return [f"standard error of ln Z is {value}, above {target}"]


def mean_unmet(error: float, targets: Convergence) -> list[str]:
    """Of a grid: the worst parameter's, in standard deviations."""
    if error <= targets.mcse:
        return []
    value, target = apart(error, targets.mcse)
    return [f"error of the means is {value} standard deviations, above {target}"]


def ended_unmet(ended: str) -> list[str]:
    """Of samplers that know by themselves when they are done."""
    return [] if ended == "converged" else [f"the sampler was not done: it was ended by {ended}"]


def apart(value: float, target: float) -> tuple[str, str]:
    """Both in digits, of the value as many as put it on its side of the target."""
    for digits in range(4, 17):
        told = f"{value:.{digits}g}"
        if (float(told) < target) == (value < target) and float(told) != target:
            break
    return told, f"{target:.12g}"
