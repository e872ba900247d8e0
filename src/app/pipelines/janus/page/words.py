"""What the page says in words: headline, tiles, warnings."""

from collections.abc import Mapping
from typing import Any

Told = Mapping[str, Any]


def measured(mean: float, sd: float) -> str:
    """`0.2951 ± 0.0337`: two figures of the error, as many decimals of the value."""
    if not sd > 0.0:
        return f"{mean:g}"
    decimals = max(1 - _exponent(sd), 0)
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}".replace("-", "−")


def headline(it: Told) -> str:
    """The posterior in one sentence, and which model the data prefer."""
    told = ", ".join(
        f"{name} = {measured(it['mean'][name], it['sd'][name])}"
        for name in it["names"]
        if name not in it["unconstrained"]
    )
    data = ", ".join(it["likelihood"]) or "its own data"
    said = f"{it['model']} on {data}: {told or 'no parameter is constrained'}."
    return f"{said} {it['preferred_sentence']}".strip()


def tiles(it: Told) -> list[dict[str, str]]:
    """The few figures a reader looks for first."""
    found = []
    for name in it["names"][:2]:
        best = "" if it["best"] is None else f"best fit {it['best'][name]:.4f}"
        found.append(
            {
                "what": f"{name}, mean ± sd",
                "value": measured(it["mean"][name], it["sd"][name]),
                "detail": best.replace("-", "−"),
            }
        )
    if it["chi2_min"] is not None:
        dof = it["criteria"].get("dof")
        per = f"{it['chi2_min'] / dof:.3f} for each of {dof} degrees of freedom" if dof else ""
        found.append(
            {"what": "χ² at the best fit", "value": f"{it['chi2_min']:.2f}", "detail": per}
        )
    if it["ln_z"] is not None:
        sd = "" if it["ln_z_err"] is None else f"± {it['ln_z_err']:.4f}"
        value = f"{it['ln_z']:.3f}".replace("-", "−")
        found.append({"what": "ln Z, the evidence", "value": value, "detail": sd})
    least = min((row["ess"] for row in it["parameters"].values() if row["ess"]), default=None)
    if least is not None:
        found.append(
            {
                "what": "effective samples, the least",
                "value": f"{least:,.0f}",
                "detail": f"of {it['n_evaluations']:,} evaluations, {it['sampler']}",
            }
        )
    return found


def alarms(it: Told) -> list[str]:
    """Why the draws of a model are not to be believed: shown in red."""
    found = []
    for name, told in _models(it).items():
        if not told["converged"]:
            reasons = "; ".join(told["unmet"]) or "it ended early"
            found.append(f"{name} did not converge: {reasons}.")
    return found


def notes(it: Told) -> list[str]:
    """What a reader must know to read the numbers rightly."""
    found = []
    for name, told in _models(it).items():
        if told["unconstrained"]:
            flat = ", ".join(told["unconstrained"])
            found.append(f"{name}: the data say nothing of {flat}; posterior and prior are alike.")
        if told["on_bounds"]:
            bounds = ", ".join(told["on_bounds"])
            found.append(
                f"{name}: the posterior of {bounds} is cut by its prior; mean and sd depend on it."
            )
        outside = told["prior_outside_domain"]
        if outside and outside > 0.0:
            found.append(
                f"{name}: {100 * outside:.2g} % of the prior is outside the model's domain and was "
                "excluded; ln Z counts it as impossible."
            )
        if not told["best_settled"]:
            found.append(
                f"{name}: the best fit is the best of the draws; no maximum was searched for, or "
                "none was settled on."
            )
    found += it["conventions"]
    return found


def _models(it: Told) -> dict[str, Told]:
    return {it["model"]: it, **it["rivals"]}


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])
