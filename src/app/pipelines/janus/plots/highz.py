"""Figures of galaxies at high redshift: luminosity functions, a panel for each redshift, and ages
below that of the universe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.lines import Line2D

from app.pipelines.janus.cosmology.model import Array, Mask
from app.pipelines.janus.plots.style import COLOURS, INK, MUTED, PAGE, write

Prediction = Mapping[str, Any]  # name, kind, z, observed, sd, model (w, n), and those of its kind

PANELS = 9  # redshifts, the best populated; what the others are is said below
ABREAST = 3
UNBOUNDED = 5.0  # dex: an error above it says that no galaxy at all is possible too
MARGIN = 0.35  # dex, above and below what is measured
ARROW = 0.45  # dex, of limits
BESIDE = 0.4  # mag, left and right of it
MIDDLE = -20.0  # magnitude that curves are fitted around, so that their terms are of one size


def luminosity_plot(folder: Path, part: str, by_model: Mapping[str, Prediction]) -> None:
    """log10 phi over M_UV at each redshift, with the median and 68 % band of every model.

    Limits are arrows. Points with an error above 5 dex are open, and left out of the scale.
    """
    first = next(iter(by_model.values()))
    redshifts, count = np.unique(first["z"], return_counts=True)
    shown = np.sort(redshifts[np.argsort(-count, kind="stable")[:PANELS]])
    rows = -(-len(shown) // ABREAST)
    figure, axes = pyplot.subplots(
        rows,
        ABREAST,
        figsize=(PAGE, 1.9 * rows + 0.8),
        sharex=True,
        sharey=True,
        squeeze=False,
        gridspec_kw={"hspace": 0.06, "wspace": 0.06},
    )
    for place, axis in enumerate(axes.flat):
        if place >= len(shown):
            axis.set_visible(False)
            continue
        at = first["z"] == shown[place]
        _points(axis, first, at)
        for number, told in enumerate(by_model.values()):
            _model(axis, told, at, _ends(first, at), COLOURS[number % len(COLOURS)])
        axis.text(0.05, 0.9, f"z = {shown[place]:g}", transform=axis.transAxes, va="top")
        if place + ABREAST >= len(shown):
            axis.tick_params(labelbottom=True)
            axis.set_xlabel(r"$M_{\rm UV}$ [mag]")
    drawn = np.isin(first["z"], shown)
    axes[0, 0].set_ylim(*_scale(first, drawn))
    axes[0, 0].set_xlim(*_ends(first, drawn))
    axes[rows // 2, 0].set_ylabel(r"$\log_{10}\,(\phi\,/\,{\rm Mpc}^{-3}\,{\rm mag}^{-1})$")
    for line, marks in enumerate((_of_points(first, drawn), _of_models(by_model))):
        figure.legend(
            handles=marks,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.02 + 0.1 * line),
            bbox_transform=axes[0, 0].transAxes,
            ncols=len(marks),
            borderaxespad=0.0,
            borderpad=0.0,
            columnspacing=1.6,
        )
    if not drawn.all():
        axes[-1, 0].text(
            0.0, -0.36, _rest(first["z"][~drawn]), transform=axes[-1, 0].transAxes, color=MUTED
        )
    write(figure, folder, f"fit_{part}")


def ages_plot(folder: Path, part: str, by_model: Mapping[str, Prediction]) -> None:
    """Ages of galaxies, and of the universe in every model, with its 68 % band."""
    first = next(iter(by_model.values()))
    z, age, sd = (np.asarray(first[key]) for key in ("z", "observed", "sd"))
    order = np.argsort(z, kind="stable")
    figure, axis = pyplot.subplots(figsize=(PAGE, 3.2))
    alpha = 0.35 if len(z) > 100 else 0.9
    axis.errorbar(
        z, age, sd, fmt="o", color=INK, ms=2.5, lw=0.6, alpha=alpha, zorder=1, label="galaxies"
    )
    for number, (name, told) in enumerate(by_model.items()):
        low, middle, high = np.quantile(told["model"], (0.159, 0.5, 0.841), axis=0)[:, order]
        colour = COLOURS[number % len(COLOURS)]
        axis.plot(z[order], middle, color=colour, lw=1.3, label=f"the universe, {name}")
        axis.fill_between(z[order], low, high, color=colour, alpha=0.25, lw=0)
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel("redshift z")
    axis.set_ylabel("age [Gyr]")
    axis.legend()
    write(figure, folder, f"fit_{part}")


def _points(axis: Any, told: Prediction, at: Mask) -> None:
    """What was measured at one redshift: dots, arrows of limits, circles of what may be none."""
    M, log_phi = np.asarray(told["M_uv"]), np.asarray(told["observed"])
    error = np.stack([told["sd_down"], told["sd_up"]])
    limit = at & told["is_upper_limit"]
    none = at & _may_be_none(told)
    measured = at & ~limit & ~none
    look = {"color": INK, "lw": 0.6, "alpha": 0.7, "zorder": 2, "ms": 2.6}
    axis.errorbar(M[measured], log_phi[measured], error[:, measured], fmt="o", **look)
    axis.errorbar(M[none], log_phi[none], error[:, none], fmt="o", mfc="white", **look)
    axis.errorbar(
        *(M[limit], log_phi[limit], ARROW),
        **{"fmt": "_", "uplims": True, "capsize": 1.8} | look | {"ms": 5.0},
    )


def _model(axis: Any, told: Prediction, at: Mask, ends: tuple[float, float], colour: str) -> None:
    """The model at one redshift: a curve, or bars where its points are too few to tell it."""
    M, model = np.asarray(told["M_uv"])[at], np.asarray(told["model"])[:, at]
    if len(np.unique(M)) < 3:
        low, middle, high = np.quantile(model, (0.159, 0.5, 0.841), axis=0)
        sides = np.stack([middle - low, high - middle])
        axis.errorbar(M, middle, sides, fmt="_", color=colour, ms=8.0, zorder=3)
        return
    x = np.linspace(*ends, 200)
    low, middle, high = np.quantile(schechter_curves(M, model, x), (0.159, 0.5, 0.841), axis=0)
    axis.plot(x, middle, color=colour, lw=1.2, zorder=3)
    axis.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)


def schechter_curves(M: Array, model: Array, x: Array) -> Array:
    """(w, k): log10 phi at magnitudes x (k,), from `model` (w, n) at those of M (n,); one redshift.

    Schechter's log10 phi is linear in 1, M and 10^(-0.4 M), also as it is seen through volumes and
    distances, which move both axes: three magnitudes tell all of it.
    """

    def terms(magnitude: Array) -> Array:
        from_middle = magnitude - MIDDLE
        return np.stack([np.ones(len(magnitude)), from_middle, 10.0 ** (-0.4 * from_middle)], 1)

    found, *_ = np.linalg.lstsq(terms(M), model.T, rcond=None)
    curves: Array = (terms(x) @ found).T
    return curves


def _ends(told: Prediction, at: Mask) -> tuple[float, float]:
    """Of the abscissa."""
    M = np.asarray(told["M_uv"])[at]
    return float(M.min()) - BESIDE, float(M.max()) + BESIDE


def _scale(told: Prediction, drawn: Mask) -> tuple[float, float]:
    """Of the ordinate: all that is measured, its errors and the arrows of limits."""
    log_phi, limit = told["observed"], told["is_upper_limit"]
    up = np.where(limit, 0.0, told["sd_up"])
    down = np.where(limit, ARROW, told["sd_down"])
    held = drawn & (np.maximum(up, down) <= UNBOUNDED)
    if not held.any():
        held, up, down = drawn, np.zeros(len(up)), np.zeros(len(up))
    low, high = (log_phi - down)[held].min(), (log_phi + up)[held].max()
    return float(low - MARGIN), float(high + MARGIN)


def _of_models(by_model: Mapping[str, Prediction]) -> list[Line2D]:
    """For the legend."""
    return [
        Line2D([], [], color=COLOURS[number % len(COLOURS)], lw=1.4, label=name)
        for number, name in enumerate(by_model)
    ]


def _of_points(told: Prediction, drawn: Mask) -> list[Line2D]:
    """For the legend: those kinds of points that are there."""
    limit, none = told["is_upper_limit"], _may_be_none(told)
    kinds = [
        (~limit & ~none, "o", INK, 4.0, "measured"),
        (none, "o", "white", 4.0, "consistent with zero"),
        (limit, r"$\downarrow$", INK, 7.0, "upper limit"),
    ]
    return [
        Line2D([], [], ls="", marker=marker, color=INK, mfc=fill, ms=size, label=words)
        for of_kind, marker, fill, size, words in kinds
        if (drawn & of_kind).any()
    ]


def _may_be_none(told: Prediction) -> Mask:
    """(n,): measured points without a lower end."""
    widest = np.maximum(told["sd_up"], told["sd_down"])
    may: Mask = ~told["is_upper_limit"] & (widest > UNBOUNDED)
    return may


def _rest(z: Array) -> str:
    """Which points no panel shows."""
    found = np.unique(z)
    points = "1 point" if len(z) == 1 else f"{len(z)} points"
    if len(found) == 1:
        return f"Not drawn: {points} at z = {found[0]:g}."
    return (
        f"Not drawn: {points} at {len(found)} other redshifts, z = {found[0]:g} to {found[-1]:g}."
    )
