"""Panels of means with intervals as PNG, by matplotlib without its global state.

Numbers along x are lines with bands, names are dots with bars. Colours are those of Okabe and Ito
(2008), told apart by colour-blind readers; markers and line styles repeat with another period, so
that no two of 42 groups look alike.
"""

import math
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.durable.atomic import atomic_file
from app.sweep.analysis.panels import Panel, Panels
from app.sweep.scores import Mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", "-.", ":")
PANELS_A_PICTURE = 12
MOST_BANDS = 5  # more of them hide each other
LOG_RATIO = 30.0  # of the largest x to the smallest, from which on x is logarithmic
TICKS_APART = 0.11  # of the width: nearer ones would hide each other
APART = 0.004  # of the width
DPI = 144
INK, MUTED, RULE = "#1d1c1a", "#68645d", "#e3dfd8"


def draw(folder: Path, found: Panels) -> list[Path]:
    """<metric>_by_<x>.png; more of them where there are more panels than one picture holds."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", f"{found.metric}_by_{found.x_axis}")
    parts = range(0, len(found.panels), PANELS_A_PICTURE)
    paths = []
    for number, start in enumerate(parts, start=1):
        path = folder / (f"{name}_{number}.png" if len(parts) > 1 else f"{name}.png")
        figure = _figure(found, found.panels[start : start + PANELS_A_PICTURE])
        with atomic_file(path) as partial:
            figure.savefig(partial, format="png", dpi=DPI, metadata={"Description": found.caption})
        paths.append(path)
    return paths


def _figure(found: Panels, panels: list[Panel]) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 1 if len(panels) == 1 else 2 if len(panels) <= 4 else 3
    rows = -(-len(panels) // columns)
    width = 6.6 if columns == 1 else 4.1 * columns
    height = 3.7
    if not found.is_numeric:
        height = 0.9 + len(found.xs) * max(0.36, 0.18 + 0.15 * len(found.groups))
    caption = textwrap.fill(found.caption, round(width * 15))
    legend = _legend_columns(found.groups, width)
    below = 0.2 * (-(-len(found.groups) // legend) + caption.count("\n") + 2)
    figure = Figure((width, rows * height + below), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place, cell in enumerate(axes.flat):
        if place >= len(panels):
            cell.set_axis_off()
            continue
        _style(cell, panels[place].title if len(found.panels) > 1 else "")
        for number, group in enumerate(found.groups):
            line = panels[place].lines.get(group, {})
            (_line if found.is_numeric else _dots)(cell, found, number, line)
        _name_axes(
            cell, found, is_left=place % columns == 0, is_lowest=place + columns >= len(panels)
        )
    _keep_within_shares(axes.flat[0], found)
    figure.supxlabel(caption, fontsize=8, color=MUTED)
    if len(found.groups) > 1:
        handles = [_handle(number, group) for number, group in enumerate(found.groups)]
        figure.legend(
            handles=handles,
            title=found.group,
            loc="outside upper left",
            ncols=legend,
            fontsize=8.5,
            title_fontsize=8.5,
            frameon=False,
            alignment="left",
        )
    return figure


def _line(cell: "Axes", found: Panels, number: int, line: dict[str, Mean]) -> None:
    """Means along a numeric x, joined, with the band of their intervals; bars for many groups."""
    told = [(_place(found, x, number), line[x]) for x in found.xs if x in line]
    if not told:
        return
    colour = COLOURS[number % len(COLOURS)]
    style = LINES[number // len(COLOURS) % len(LINES)]
    cell.plot([x for x, _ in told], [one.mean for _, one in told], style, color=colour, lw=1.6)
    halves = [one.half(found.confidence) for _, one in told]
    banded = [
        (x, one, half) for (x, one), half in zip(told, halves, strict=True) if half is not None
    ]
    if len(found.groups) > MOST_BANDS:
        cell.errorbar(
            [x for x, _, _ in banded], [one.mean for _, one, _ in banded],
            [half for _, _, half in banded], fmt="none", ecolor=colour, elinewidth=0.9, capsize=2,
        )  # fmt: skip
    elif banded:
        cell.fill_between(
            [x for x, _, _ in banded],
            [one.mean - half for _, one, half in banded],
            [one.mean + half for _, one, half in banded],
            color=colour, alpha=0.14, lw=0,
        )  # fmt: skip
    for is_full in (True, False):
        points = [
            at for at, half in zip(told, halves, strict=True) if (half is not None) is is_full
        ]
        if points:
            means = [one.mean for _, one in points]
            cell.plot([x for x, _ in points], means, **_marker(number, is_full))


def _keep_within_shares(cell: "Axes", found: Panels) -> None:
    """Of scores between 0 and 1, the parts of intervals beyond are not drawn."""
    means = [
        one.mean for panel in found.panels for line in panel.lines.values() for one in line.values()
    ]
    if not all(0 <= mean <= 1 for mean in means):
        return
    low, high = cell.get_ylim() if found.is_numeric else cell.get_xlim()
    limits = (max(low, -0.02), min(high, 1.02))
    (cell.set_ylim if found.is_numeric else cell.set_xlim)(*limits)


def _place(found: Panels, x: str, number: int) -> float:
    """Where x is; where intervals are bars, groups stand a little beside each other."""
    if len(found.groups) <= MOST_BANDS:
        return float(x)
    aside = APART * (number - (len(found.groups) - 1) / 2)
    first, last = float(found.xs[0]), float(found.xs[-1])
    if _is_log(found.xs):
        return float(x) * math.exp(aside * math.log(last / first))
    return float(x) + aside * (last - first)


def _is_log(xs: list[str]) -> bool:
    first, last = float(xs[0]), float(xs[-1])
    return first > 0 and last / first >= LOG_RATIO


def _dots(cell: "Axes", found: Panels, number: int, line: dict[str, Mean]) -> None:
    """A dot for each named x, with a bar for its interval; groups one below the other."""
    step = 0.8 / len(found.groups)
    for row, x in enumerate(found.xs):
        if x not in line:
            continue
        y = row + (number - (len(found.groups) - 1) / 2) * step
        half = line[x].half(found.confidence)
        if half is not None:
            cell.plot(
                [line[x].mean - half, line[x].mean + half], [y, y],
                color=COLOURS[number % len(COLOURS)], lw=1.6, solid_capstyle="butt",
            )  # fmt: skip
        cell.plot([line[x].mean], [y], **_marker(number, half is not None))


def _legend_columns(groups: list[str], width: float) -> int:
    """How many names fit beside each other in `width` inches."""
    longest = max(map(len, groups))
    return max(1, min(len(groups), int(width / (0.5 + 0.075 * longest))))


def _marker(number: int, is_full: bool) -> dict[str, Any]:
    colour = COLOURS[number % len(COLOURS)]
    return {
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 5.5,
        "markeredgecolor": colour,
        "markerfacecolor": colour if is_full else "white",
        "linestyle": "none",
    }


def _handle(number: int, group: str) -> Any:
    from matplotlib.lines import Line2D

    style = LINES[number // len(COLOURS) % len(LINES)]
    told = {**_marker(number, True), "linestyle": style, "color": COLOURS[number % len(COLOURS)]}
    return Line2D([], [], label=group or "(none)", **told)


def _style(cell: "Axes", title: str) -> None:
    cell.grid(color=RULE, lw=0.8)
    cell.set_axisbelow(True)
    cell.tick_params(which="both", labelsize=8.5, colors=INK, length=0)
    for spine in cell.spines.values():
        spine.set_visible(False)
    if title:
        cell.set_title(textwrap.fill(title, 44), fontsize=9, loc="left", color=INK)


def _ticks(xs: list[str]) -> list[str]:
    """The measured values themselves, but for those too near to the one before."""
    numbers = [math.log(float(x)) if _is_log(xs) else float(x) for x in xs]
    kept = [0]
    for place, number in enumerate(numbers):
        if number - numbers[kept[-1]] >= TICKS_APART * (numbers[-1] - numbers[0]):
            kept.append(place)
    return [xs[place] for place in kept]


def _name_axes(cell: "Axes", found: Panels, is_left: bool, is_lowest: bool) -> None:
    metric = found.metric.replace("_", " ")
    if not found.is_numeric:
        names = [textwrap.shorten(x or "(not set)", 34, placeholder="…") for x in found.xs]
        cell.set_yticks(range(len(found.xs)), names)
        cell.set_ylim(len(found.xs) - 0.45, -0.55)
        cell.locator_params(axis="x", nbins=5)
        cell.tick_params(labelbottom=is_lowest)
        if is_left:
            cell.set_ylabel(found.x_axis, fontsize=9)
        if is_lowest:
            cell.set_xlabel(metric, fontsize=9)
        return
    if _is_log(found.xs):
        cell.set_xscale("log")
        cell.minorticks_off()
    ticks = _ticks(found.xs)
    cell.set_xticks([float(x) for x in ticks], ticks)
    cell.tick_params(labelbottom=is_lowest)
    if is_left:
        cell.set_ylabel(metric, fontsize=9)
    if is_lowest:
        cell.set_xlabel(found.x_axis, fontsize=9)
