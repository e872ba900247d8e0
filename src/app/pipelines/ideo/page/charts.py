"""The plots of a report, drawn as SVG: scores with intervals, class balance, top features.

SVG is written directly: a plotting library costs more CPU to import than a small run takes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.svg import (
    figure,
    line,
    rect,
    shift,
    short_names,
    shorten,
    text,
    width_of,
)

WIDTH = 480.0  # px: legible on a phone when shrunk, and on a desk when grown by a third
BALANCE_BARS = (
    ("train_before_balance", "train, before balancing", "base"),
    ("train_after", "train, as learned from", "model"),
    ("job", "job (evaluated)", "job"),
)


def score_bars(models: Sequence[Mapping[str, Any]], baselines: Sequence[Mapping[str, Any]]) -> str:
    """Macro-F1 (thick) and accuracy (thin) of each model and baseline, with their intervals.

    Rows: name, family, accuracy, macro_f1, intervals. A dashed line marks the best baseline.
    """
    row, top = 52.0, 26.0
    bottom = top + row * (len(models) + len(baselines)) + 6
    shapes = [
        text(0, 13, "thick: macro-F1", "small muted"),
        text(100, 13, "thin: accuracy", "small muted"),
        text(WIDTH, 13, "whiskers: confidence interval", "small muted end"),
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = tick * (WIDTH - 1)
        anchor = "" if tick == 0 else "end" if tick == 1 else "mid"
        shapes += [
            line(x, top, x, bottom),
            text(x, bottom + 15, f"{tick:g}", f"small muted {anchor}"),
        ]
    rows = [*((one, "model") for one in models), *((one, "base") for one in baselines)]
    for place, (scored, style) in enumerate(rows):
        shapes.append(shift(0, top + place * row, _score_bars(scored, style)))
    if baselines:
        best = max(one["macro_f1"] for one in baselines) * (WIDTH - 1)
        shapes.append(line(best, top, best, bottom, "reference"))
    for place, (scored, style) in enumerate(rows):  # over the line
        shapes.append(shift(0, top + place * row, _score_texts(scored, style)))
    return figure(WIDTH, bottom + 22, shapes, "Macro-F1 and accuracy with confidence intervals")


def _score_texts(scored: Mapping[str, Any], style: str) -> list[str]:
    name = "halo strong" if style == "model" else "halo"
    figures = _between(scored, "macro_f1")
    return [
        text(0, 15, shorten(scored["name"], 36), name, 0.0, scored["name"]),
        text(WIDTH - 6, 15, figures, "halo small muted end", 0.0, _told(scored)),
    ]


def _score_bars(scored: Mapping[str, Any], style: str) -> list[str]:
    shapes: list[str] = []
    for metric, y, height, opacity in (("macro_f1", 22, 12, 1.0), ("accuracy", 37, 6, 0.55)):
        low, high = (
            (WIDTH - 1) * scored["intervals"][metric][0],
            (WIDTH - 1) * scored["intervals"][metric][1],
        )
        middle = y + height / 2
        shapes += [
            rect(0, y, WIDTH - 1, height, "track"),
            rect(0, y, (WIDTH - 1) * scored[metric], height, style, opacity),
            line(low, middle, high, middle, "whisker"),
            line(low, middle - 3, low, middle + 3, "whisker"),
            line(high, middle - 3, high, middle + 3, "whisker"),
        ]
    return shapes


def _between(scored: Mapping[str, Any], metric: str) -> str:
    low, high = scored["intervals"][metric]
    return f"{scored[metric]:.3f} [{low:.3f}, {high:.3f}]"


def _told(scored: Mapping[str, Any]) -> str:
    return f"macro-F1 {_between(scored, 'macro_f1')}, accuracy {_between(scored, 'accuracy')}"


def balance_bars(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Documents of each label: training before and after balancing, and the job side."""
    bars = [bar for bar in BALANCE_BARS if bar[0] in counts]
    labels = sorted({label for side, _, _ in bars for label in counts[side]})
    most = max((n for side, _, _ in bars for n in counts[side].values()), default=1) or 1
    names = short_names(labels, 24)
    left, row = width_of(names) + 12, len(bars) * 14.0 + 10
    room = WIDTH - left - 60
    shapes: list[str] = []
    x = 0.0
    for _, legend, style in bars:
        shapes += [rect(x, 3, 11, 11, style), text(x + 16, 13, legend, "small muted")]
        x += 30 + width_of([legend])
    for place, (label, name) in enumerate(zip(labels, names, strict=True)):
        y = 26 + place * row
        shapes.append(text(left - 12, y + row / 2, name, "end", 0.0, label))
        for number, (side, legend, style) in enumerate(bars):
            n = counts[side].get(label, 0)
            shapes += [
                rect(
                    left,
                    y + number * 14,
                    room * n / most,
                    11,
                    style,
                    1.0,
                    f"{label}, {legend}: {n}",
                ),
                text(left + room * n / most + 6, y + number * 14 + 10, f"{n:,}", "small muted"),
            ]
    return figure(WIDTH, 26 + len(labels) * row, shapes, "Documents of each label")


def feature_panel(label: str, terms: Sequence[tuple[str, float]]) -> str:
    """The terms that speak most for one label, with their weights."""
    return figure(PANEL, _panel_height(len(terms)), _panel(label, terms), f"Top terms of {label}")


def feature_sheet(by_label: Mapping[str, Sequence[tuple[str, float]]], columns: int = 3) -> str:
    """Every label's panel on one sheet."""
    height = _panel_height(max((len(terms) for terms in by_label.values()), default=0)) + 14
    shapes = [
        shift((place % columns) * (PANEL + 20), (place // columns) * height, _panel(label, terms))
        for place, (label, terms) in enumerate(by_label.items())
    ]
    across = min(columns, max(1, len(by_label)))
    rows = -(-len(by_label) // columns)
    return figure(across * (PANEL + 20), max(rows, 1) * height, shapes, "Top terms of each label")


PANEL = 300.0


def _panel_height(n_terms: int) -> float:
    return 28 + 18.0 * n_terms


def _panel(label: str, terms: Sequence[tuple[str, float]]) -> list[str]:
    names = short_names([term for term, _ in terms], 22)
    left = width_of(names) + 8
    room = PANEL - left - 44
    most = max((abs(weight) for _, weight in terms), default=1.0) or 1.0
    shapes = [text(0, 14, shorten(label, 40), "strong", 0.0, label)]
    for place, ((term, weight), name) in enumerate(zip(terms, names, strict=True)):
        y, length = 26 + 18.0 * place, room * abs(weight) / most
        shapes += [
            text(left - 8, y + 11, name, "small end", 0.0, term),
            rect(left, y + 1, length, 12, "model", 0.8),
            text(left + length + 5, y + 11, f"{weight:.2f}", "small muted"),
        ]
    return shapes
