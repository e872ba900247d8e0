"""Figures of the draws of one model: corner, trace, autocorrelation, weights."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.lines import Line2D

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.plots.style import COLOURS, INK, MUTED, PAGE, label, write

CORNER_DRAWS = 20_000  # equally weighted ones; more cannot be seen
LINES = 40  # walkers of an ensemble in a trace
LAGS = 400
TRUTH: dict[str, Any] = {"color": INK, "ls": (0, (5, 3)), "lw": 0.8}
SIMULATED = "simulated with"


def corner_plot(
    folder: Path,
    name: str,
    draws: Draws,
    best: Mapping[str, float],
    colour: str,
    truth: Mapping[str, float],
) -> None:
    """Marginal posteriors of every parameter and pair, with 68 and 95 % regions; the best fit is
    marked, and `truth`: what data were simulated with, by name, of these and other parameters."""
    import corner

    theta = draws.equally_weighted(CORNER_DRAWS, np.random.default_rng(0))
    d = len(draws.names)
    if d == 1:
        _marginal_plot(folder, name, draws.names[0], theta[:, 0], best, colour, truth)
        return
    figure = corner.corner(
        theta,
        labels=[label(parameter) for parameter in draws.names],
        truths=[best[parameter] for parameter in draws.names],
        truth_color=MUTED,
        color=colour,
        bins=40,
        smooth=0.8,
        levels=(0.683, 0.954),
        plot_datapoints=False,
        fill_contours=True,
        quantiles=(0.159, 0.5, 0.841),
        max_n_ticks=4,
        fig=pyplot.figure(figsize=(max(1.9 * d, 4.4), max(1.9 * d, 4.4))),
    )
    for parameter in range(d):
        axis = figure.axes[parameter * (d + 1)]
        axis.set_title(_interval(draws.names[parameter], theta[:, parameter]), fontsize=8)
    if any(parameter in truth for parameter in draws.names):
        corner.overplot_lines(figure, [truth.get(parameter) for parameter in draws.names], **TRUTH)
        figure.legend(handles=[Line2D([], [], **TRUTH, label=SIMULATED)], loc="upper right")
    write(figure, folder, f"{name}_corner")


def _marginal_plot(
    folder: Path,
    name: str,
    parameter: str,
    values: Array,
    best: Mapping[str, float],
    colour: str,
    truth: Mapping[str, float],
) -> None:
    """The posterior of the only parameter."""
    figure, axis = pyplot.subplots(figsize=(3.8, 2.8))
    axis.hist(values, bins=60, density=True, color=colour, alpha=0.35, lw=0)
    for at in np.quantile(values, (0.159, 0.5, 0.841)):
        axis.axvline(at, color=colour, ls="--", lw=1.0)
    axis.axvline(best[parameter], color=MUTED, lw=1.0)
    if parameter in truth:
        axis.axvline(truth[parameter], **TRUTH, label=SIMULATED)
        axis.legend()
    axis.set_title(_interval(parameter, values), fontsize=9)
    axis.set_xlabel(label(parameter))
    axis.set_yticks([])
    write(figure, folder, f"{name}_corner")


def _interval(parameter: str, values: Array) -> str:
    """The median and its 68 % interval, with two figures of the narrower side; powers of ten from
    a million on."""
    low, middle, high = np.quantile(values, (0.159, 0.5, 0.841))
    power = math.floor(math.log10(max(abs(low), abs(high), 1.0)))
    scale, times = (10.0**power, rf"\times 10^{{{power}}}") if power >= 6 else (1.0, "")
    low, middle, high = low / scale, middle / scale, high / scale
    narrow = min(high - middle, middle - low)
    decimals = max(1 - math.floor(math.log10(narrow)), 0) if narrow > 0.0 else 4
    sides = f"_{{-{middle - low:.{decimals}f}}}^{{+{high - middle:.{decimals}f}}}"
    name, _, unit = label(parameter).partition(" [")
    return f"{name} = ${middle:.{decimals}f}{sides}{times}$ {unit.rstrip(']')}"


def trace_plot(folder: Path, name: str, draws: Draws) -> None:
    """Every parameter along the chains, an ensemble in each colour; what was discarded is grey."""
    ensembles, steps, walkers, d = draws.theta.shape
    figure, axes = pyplot.subplots(d, 1, figsize=(PAGE, 1.3 * d + 0.5), sharex=True, squeeze=False)
    stride = max(steps // 2000, 1)
    at = np.arange(0, steps, stride)
    for parameter, axis in enumerate(axes[:, 0]):
        for ensemble in range(ensembles):
            shown = draws.theta[ensemble, ::stride, : min(walkers, LINES // ensembles), parameter]
            axis.plot(at, shown, color=COLOURS[ensemble % len(COLOURS)], lw=0.3, alpha=0.5)
        if draws.discard:
            axis.axvspan(0, draws.discard, color="0.85", zorder=3, alpha=0.8, lw=0)
        axis.set_ylabel(label(draws.names[parameter]))
        _focus(axis, draws.theta[:, draws.discard :, :, parameter])
    axes[-1, 0].set_xlabel("step")
    axes[-1, 0].set_xlim(0, steps)
    figure.align_ylabels()
    write(figure, folder, f"{name}_trace")


def _focus(axis: Any, kept: Array) -> None:
    """Where walkers came from may leave the picture; where they are must fill it."""
    low, high = float(kept.min()), float(kept.max())
    margin = 0.15 * (high - low)
    if margin > 0.0:
        axis.set_ylim(low - margin, high + margin)


def autocorrelation_plot(
    folder: Path, name: str, draws: Draws, tau: dict[str, float | None]
) -> None:
    """The autocorrelation function of every parameter, of each ensemble's walkers together, and the
    integrated time it gives."""
    from emcee.autocorr import function_1d

    figure, axis = pyplot.subplots(figsize=(PAGE, 2.4))
    for parameter, of_parameter in enumerate(draws.names):
        chains = draws.theta[:, draws.discard :, :, parameter]
        functions = [
            function_1d(np.asarray(walker))
            for ensemble in chains
            for walker in ensemble.T
            if np.ptp(walker) > 0.0
        ]
        if not functions:
            continue
        mean = np.mean(functions, axis=0)[:LAGS]
        told = tau.get(of_parameter)
        shown = label(of_parameter) + (f"  $\\tau$ = {told:.1f}" if told else "")
        axis.plot(mean, color=COLOURS[parameter % len(COLOURS)], lw=1.2, label=shown)
    axis.axhline(0.0, color=MUTED, lw=0.6)
    axis.set_xlabel("lag [steps]")
    axis.set_ylabel("autocorrelation")
    axis.legend()
    write(figure, folder, f"{name}_autocorrelation")


def weights_plot(folder: Path, name: str, draws: Draws) -> None:
    """How much of the posterior its largest weights hold: on the diagonal all weigh the same."""
    _, weight = draws.kept()
    held = np.cumsum(np.sort(weight)[::-1])
    share = np.arange(1, len(held) + 1) / len(held)
    stride = max(len(held) // 2000, 1)
    figure, axis = pyplot.subplots(figsize=(3.6, 2.8))
    axis.plot(share[::stride], held[::stride], color=COLOURS[0], lw=1.4)
    axis.plot([0, 1], [0, 1], color=MUTED, lw=0.6, ls="--")
    axis.set_xlabel("share of the draws, the heaviest first")
    axis.set_ylabel("share of the weight")
    write(figure, folder, f"{name}_weights")
