"""Figures of data and models: Hubble diagram and rates with residuals, posterior predictive check,
evidence."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot

from app.pipelines.janus.plots.style import COLOURS, INK, MUTED, PAGE, write

Prediction = Mapping[str, Any]  # name, kind, z, observed, sd, model (w, n)

AXES = {
    "supernovae": "distance modulus + offset [mag]",
    "rates": "H(z) [km/s/Mpc]",
}


def fit_plot(folder: Path, part: str, by_model: Mapping[str, Prediction]) -> None:
    """Data of one set with the 68 % band of every model, and residuals from the first model."""
    first = next(iter(by_model.values()))
    z, observed, sd = (np.asarray(first[key]) for key in ("z", "observed", "sd"))
    order = np.argsort(z, kind="stable")
    figure, (upper, lower) = pyplot.subplots(
        2, 1, figsize=(PAGE, 4.4), sharex=True, height_ratios=(2, 1.3)
    )
    faint = {"alpha": 0.35 if len(z) > 200 else 0.9, "ms": 2.2, "lw": 0.6, "capsize": 0}
    upper.errorbar(z, observed, sd, fmt="o", color=INK, zorder=1, **faint)
    base = np.median(np.asarray(first["model"]), axis=0)
    lower.errorbar(z, observed - base, sd, fmt="o", color=INK, zorder=1, **faint)
    for number, (name, told) in enumerate(by_model.items()):
        drawn = np.asarray(told["model"])
        low, middle, high = np.quantile(drawn, (0.159, 0.5, 0.841), axis=0)
        colour = COLOURS[number % len(COLOURS)]
        upper.plot(z[order], middle[order], color=colour, lw=1.2, label=name, zorder=3)
        lower.plot(z[order], (middle - base)[order], color=colour, lw=1.2, zorder=3)
        lower.fill_between(
            z[order], (low - base)[order], (high - base)[order], color=colour, alpha=0.25, lw=0
        )
    if z.min() > 0.0 and z.max() / z.min() > 10.0:
        upper.set_xscale("log")
    upper.set_ylabel(AXES.get(str(first["kind"]), ""))
    upper.legend()
    lower.set_ylabel(f"residual from {next(iter(by_model))}")
    lower.set_xlabel("redshift z")
    _focus(lower, observed - base, sd)
    figure.align_ylabels()
    figure.subplots_adjust(hspace=0.05)
    write(figure, folder, f"fit_{part}")


def predictive_plot(folder: Path, part: str, checks: Mapping[str, Mapping[str, Any]]) -> None:
    """The distribution of chi2 of replicated data, and chi2 of the data under each model (mean
    over its posterior), with p-values (`predictive.predictive_checks`)."""
    from scipy.stats import chi2

    figure, axis = pyplot.subplots(figsize=(PAGE, 2.4))
    dof = next(iter(checks.values()))["dof"]
    seen = [told["chi2"] for told in checks.values()]
    low, high = chi2.ppf((1e-4, 1.0 - 1e-4), dof)
    at = np.linspace(min(low, *seen) - 0.02 * dof, max(high, *seen) + 0.02 * dof, 400)
    axis.fill_between(at, chi2.pdf(at, dof), color=MUTED, alpha=0.3, lw=0, label="replicated data")
    for number, (name, told) in enumerate(checks.items()):
        shown = f"{name}: p = {told['p']:.2g}"
        axis.axvline(told["chi2"], color=COLOURS[number % len(COLOURS)], lw=1.6, label=shown)
    axis.set_xlabel(r"$\chi^2$")
    axis.set_yticks([])
    axis.set_ylim(bottom=0.0)
    axis.legend()
    write(figure, folder, f"predictive_{part}")


def evidence_plot(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """ln B of every model against the first, with its error, and where evidence is called weak,
    moderate, strong (1, 2.5, 5)."""
    figure, axis = pyplot.subplots(figsize=(PAGE, 0.5 * len(rows) + 0.9))
    for place, row in enumerate(rows):
        colour = COLOURS[place % len(COLOURS)]
        axis.errorbar(row["ln_b"], place, xerr=row["ln_b_sd"], fmt="o", color=colour, capsize=3)
    for edge in (-5.0, -2.5, -1.0, 1.0, 2.5, 5.0):
        axis.axvline(edge, color=MUTED, lw=0.5, ls=":")
    axis.axvline(0.0, color=MUTED, lw=0.8)
    axis.set_yticks(range(len(rows)), [str(row["model"]) for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel(rf"$\ln B$ over {rows[0]['model']}")
    write(figure, folder, "evidence")


def _focus(axis: Any, residual: np.ndarray[Any, Any], sd: np.ndarray[Any, Any]) -> None:
    """Outliers stay in the data, not in the scale."""
    edge = np.quantile(np.abs(residual) + np.nan_to_num(sd), 0.99) * 1.15
    if np.isfinite(edge) and edge > 0.0:
        axis.set_ylim(-edge, edge)
