"""What the page says in words: headline, tiles, warnings, what stands below the comparison."""

from collections.abc import Mapping
from typing import Any

from app.pipelines.janus.information import VARIES
from app.pipelines.janus.page.numbers import DASH, beside, figure, measured, small
from app.pipelines.janus.page.tables import (
    LEAST,
    NO_DIC,
    NO_WAIC,
    OTHER_COVARIANCE,
    effective_size,
    has_no_dic,
    waic_is_doubtful,
)

Told = Mapping[str, Any]

MISFIT = 0.01  # of a posterior predictive p, and 1 less this
UNBROKEN = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"  # a value and its error on one line


def headline(it: Told) -> str:
    """The posterior in one sentence, and which model the data prefer."""
    told = ", ".join(
        f"{name} = {measured(it['mean'][name], it['sd'][name])}"
        for name in it["names"]
        if name not in it["unconstrained"]
    )
    data = f" on {', '.join(it['likelihood'])}" if it["likelihood"] else ""
    said = f"{it['model']}{data}: {told or 'no parameter is constrained'}."
    return f"{said} {it['preferred_sentence']}".strip().replace(" ± ", UNBROKEN)


def work(it: Told) -> str:
    """Sampler, evaluations, and the data where these are known: a user's own function has them."""
    data = f" of {it['n_data']:,} data points" if it["n_data"] else ""
    return f"{it['sampler']}, {it['n_evaluations']:,} evaluations{data}"


def by_bic(it: Told) -> str:
    """What a verdict by BIC leaves out; "" where there is none."""
    if not any(row["verdict"].endswith("by BIC") for row in it["comparison"]):
        return ""
    return (
        "By BIC alone: an approximation to the evidence for many data, that knows no priors. "
        "sampler=importance (or nautilus, dynesty; quadrature for up to three parameters) gives "
        "ln B itself."
    )


def tiles(it: Told) -> list[dict[str, str]]:
    """The few figures a reader looks for first."""
    found = []
    for name in it["names"][:2]:
        best = ""
        if it["best"] is not None:
            best = f"best fit {beside(it['best'][name], it['sd'][name])}"
        if name in it["unconstrained"]:
            best = "unconstrained: these are its prior's"
        found.append(
            {
                "what": f"{name}, mean ± sd",
                "value": measured(it["mean"][name], it["sd"][name]),
                "detail": best,
            }
        )
    if it["chi2_min"] is not None:
        of = it["criteria"]
        value, per = figure(of["chi2_gaussian"], 2) or DASH, DASH
        if of["chi2_dof"] is not None:
            per = f"{figure(of['chi2_dof'], 3)} for each of {of['dof']} degrees of freedom"
            if of["n_gaussian"] != of["n_data"]:
                per += f", of the {of['n_gaussian']} data with Gaussian errors"
        found.append({"what": "χ² at the best fit", "value": value, "detail": per})
    if it["ln_z"] is not None:
        sd = "" if it["ln_z_err"] is None else f"± {it['ln_z_err']:.4f}"
        value = figure(it["ln_z"], 3)
        what = "ln Z, of the function as it is" if it["includes_prior"] else "ln Z, the evidence"
        found.append({"what": what, "value": value, "detail": sd})
    return [*found, *_fewest(it)]


def _fewest(it: Told) -> list[dict[str, str]]:
    """The effective size of the parameter that has the least."""
    rows = [row for row in it["parameters"].values() if row["ess"]]
    if not rows:
        return []
    cell = effective_size(min(rows, key=lambda row: float(row["ess"])), it["steps_used"])
    detail = f"of {it['n_evaluations']:,} evaluations, {it['sampler']}"
    if cell.alerts:
        detail = cell.alerts[0]
        if cell.text == DASH:
            detail += f": fewer than {LEAST:.0f} tell nothing"
    return [{"what": "effective samples, the least", "value": cell.text, "detail": detail}]


def alarms(it: Told) -> list[str]:
    """Why the draws of a model are not to be believed: shown in red."""
    found = []
    for name, told in models_of(it).items():
        if not told["converged"]:
            reasons = "; ".join(told["unmet"]) or "it ended early"
            found.append(f"{name} did not converge: {reasons}.")
    return found


def notes(it: Told) -> list[str]:
    """What a reader must know to read the numbers rightly."""
    found = []
    for name, told in models_of(it).items():
        outside = told["prior_outside_domain"] or 0.0
        if told["unconstrained"]:
            flat = ", ".join(told["unconstrained"])
            where = " where the model exists" if outside > 0.0 else ""
            who = "the data say" if told["likelihood"] else "the function says"
            found.append(f"{name}: {who} nothing of {flat}; posterior and prior are alike{where}.")
        if told["on_bounds"]:
            bounds = ", ".join(told["on_bounds"])
            found.append(
                f"{name}: the posterior of {bounds} is cut by its prior; mean and sd depend on it."
            )
        if outside > 0.0:
            found.append(
                f"{name}: {100 * outside:.2g} % of the prior is outside the model's domain and was "
                "excluded; ln Z counts it as impossible."
            )
        if not told["best_settled"]:
            found.append(
                f"{name}: the best fit is the best of the draws; no maximum was searched for, or "
                "none was settled on."
            )
    n, every = it["criteria"]["n_gaussian"], it["criteria"]["n_data"]
    if n != every:
        found.append(
            f"χ²/dof, AICc and BIC count {n} of {every} data: ages and upper limits are one-sided, "
            "and say nothing once a model keeps to them. χ² min of the comparison has −2 ln L of "
            "theirs."
        )
    return [*found, *_misfits(it), *it["conventions"]]


def _misfits(it: Told) -> list[str]:
    """Data that a model does not describe, by the posterior predictive checks."""
    found = []
    for part, checks in it["predictive"].items():
        far = {name: of["p"] for name, of in checks.items() if of["p"] < MISFIT}
        near = {name: of["p"] for name, of in checks.items() if of["p"] > 1.0 - MISFIT}
        if far:
            found.append(
                f"{part}: data so far from the model are rare ({_each(far)}): the model does not "
                "describe them, or their errors are too small. Parameters and evidence take both "
                "as right."
            )
        if near:
            found.append(
                f"{part}: the data scatter less than their errors say ({_each(near)}): these are "
                "too large, or correlated. The errors of the parameters are then wrong, too."
            )
    return found


def _each(p_values: Mapping[str, float]) -> str:
    return ", ".join(f"p = {small(p)} for {name}" for name, p in p_values.items())


def below_comparison(it: Told) -> list[tuple[str, str]]:
    """(mark, sentence): what the numbers of the comparison count, and which are not to be used."""
    rows, models = it["comparison"], models_of(it)
    offsets = {part["offset"] for part in it["likelihood"].values() if part.get("offset")}
    found = []
    if any(told["criteria"]["k"] > len(told["names"]) for told in models.values()):
        found.append(
            ("", "k: parameters that are sampled, and offsets that are fitted analytically.")
        )
    if any(row["delta_chi2"] is None and row["chi2_min"] is not None for row in rows):
        found.append(
            (
                OTHER_COVARIANCE,
                f"The covariance of the data is not the same as for {rows[0]['model']}: the "
                "intrinsic scatter, or alpha and beta, are others. χ² is less for a larger "
                "covariance, whatever the model; −2 ln L counts that.",
            )
        )
    for name, told in models.items():
        if has_no_dic(told):
            p_dic = figure(told["criteria"]["p_dic"], 2)
            found.append(
                (
                    NO_DIC,
                    f"No DIC of {name}: it would count {p_dic} parameters. The mean of a posterior "
                    "that is curved, or cut by its prior, is less likely than its draws are, and "
                    "no estimate that DIC could be told from.",
                )
            )
    found += [
        (NO_WAIC, f"Do not rely on WAIC of {name}: {_why_no_waic(told['criteria'])}.")
        for name, told in models.items()
        if waic_is_doubtful(told)
    ]
    if any(row["delta_waic"] is not None for row in rows):
        others = f"all the others{''.join(f', offsets {one}' for one in sorted(offsets))}"
        found.append(
            (
                "",
                f"WAIC predicts each datum from {others}; DIC describes them all at once. Where "
                "data are correlated the two cannot be compared.",
            )
        )
    return found


def _why_no_waic(of: Told) -> str:
    said = []
    if of["n_varying"]:
        said.append(
            f"the log density of {of['n_varying']} of {of['n_data']} data varies by more than "
            f"{VARIES:g} over the posterior"
        )
    if of["p_waic"] > of["k"]:
        said.append(f"it counts {figure(of['p_waic'], 1)} parameters where there are {of['k']}")
    return ", and ".join(said)


def models_of(it: Told) -> dict[str, Told]:
    return {it["model"]: it, **it["rivals"]}
