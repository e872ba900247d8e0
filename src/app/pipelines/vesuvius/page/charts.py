"""The plots of report.html: the grid, learning curves, time by phase, progress against time."""

from collections.abc import Mapping, Sequence

from app.pipelines.vesuvius.page.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    frame,
    plot,
    scale,
    thinned,
)
from app.pipelines.vesuvius.page.findings import Points, Spent, Tried
from app.svg import figure, line, polyline, rect, text, width_of
from app.sweep.words import duration

ROUND_TIMES_S = (
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    *(1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0, 43200.0, 86400.0),
)
SHARE_STYLES = ("model", "second", "job", "base")


def grid_map(tried: Sequence[Tried], best: int | None) -> str:
    """The best score of each pair of penalties, over meta-neurons and repeats; lower is darker."""
    lowest: dict[tuple[float, float], Tried] = {}
    for one in tried:
        pair = (one.candidate.l1, one.candidate.l2)
        if pair not in lowest or one.measures["score"] < lowest[pair].measures["score"]:
            lowest[pair] = one
    columns = sorted({l1 for l1, _ in lowest})
    rows = sorted({l2 for _, l2 in lowest})
    scores = [one.measures["score"] for one in lowest.values()]
    low, span = min(scores), (max(scores) - min(scores)) or 1.0
    left, cell = 12 + width_of([f"l2 {rows[0]:g}", f"l2 {rows[-1]:g}"]), 34.0
    wide = (WIDTH - left) / len(columns)
    shapes: list[str] = []
    for place, l1 in enumerate(columns):
        shapes.append(text(left + (place + 0.5) * wide, 14, f"l1 {l1:g}", "small muted mid"))
    for down, l2 in enumerate(rows):
        y = 22 + down * cell
        shapes.append(text(left - 10, y + cell / 2 + 4, f"l2 {l2:g}", "small muted end"))
        for place, l1 in enumerate(columns):
            if (l1, l2) not in lowest:
                continue
            one = lowest[l1, l2]
            score = one.measures["score"]
            shade = 0.06 + 0.44 * (low + span - score) / span
            x, chosen = left + place * wide, one.candidate.index == best
            shapes += [
                rect(x + 1, y + 1, wide - 2, cell - 2, "model", shade, _named(one)),
                rect(x + 1, y + 1, wide - 2, cell - 2, "chosen" if chosen else "cell"),
                text(
                    x + wide / 2,
                    y + cell / 2 + 4,
                    f"{score:.3f}".replace("-", "−"),
                    "strong mid" if chosen else "mid",
                ),
            ]
    return figure(WIDTH, 24 + len(rows) * cell, shapes, "Best score of each pair of penalties")


def learning_curves(tried: Sequence[Tried], best: int | None) -> str:
    """Validation cross-entropy against iterations: every candidate, the best one in colour."""
    drawn = [one for one in tried if one.curve]
    lines = [(one.curve, "other", _named(one)) for one in drawn if one.candidate.index != best]
    lines += [(one.curve, "", _named(one)) for one in drawn if one.candidate.index == best]
    return plot(lines, "iteration", "Validation cross-entropy of each candidate")


def loss_curve(losses: Points) -> str:
    """The student's loss against its updates."""
    return plot([(losses, "", "")], "update of the student", "Loss of the student")


def phase_bars(spent: Spent) -> str:
    """Seconds of each phase."""
    most = max(spent.phases.values(), default=0.0) or 1.0
    total = spent.seconds or 1.0
    left, row = width_of(spent.phases) + 12, 24.0
    room = WIDTH - left - 135
    shapes: list[str] = []
    for place, (phase, seconds) in enumerate(spent.phases.items()):
        y, length = place * row + 4, room * seconds / most
        shapes += [
            text(left - 10, y + 13, phase, "end"),
            rect(left, y + 2, length, 14, "model"),
            text(
                left + length + 7,
                y + 13,
                f"{duration(seconds)} · {seconds / total:.1%}",
                "small muted",
            ),
        ]
    return figure(WIDTH, row * len(spent.phases) + 8, shapes, "Time by phase")


def progress_chart(spent: Spent) -> str:
    """Real progress against time; dashed: where the run was killed or stopped and went on."""
    end = max(spent.total_s or 0.0, spent.seconds, *(at for at, _ in spent.progress), 0.1)
    x_of, y_of = scale(0.0, end, LEFT, RIGHT), scale(0.0, 1.0, BOTTOM, TOP)
    step = next((step for step in ROUND_TIMES_S if step >= end / 6.5), 2 * ROUND_TIMES_S[-1])
    shapes = frame(
        [(x_of(at * step), _round_time(at * step)) for at in range(int(end / step) + 1)],
        [(y_of(share), f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "time of the run's own processes",
    )
    if spent.total_s:
        start = x_of(max(spent.total_s - spent.reserve_s, 0.0))
        width = x_of(spent.total_s) - start
        shapes.append(rect(start, TOP, width, BOTTOM - TOP, "track", 1.0, "the reserve"))
    for at in spent.restarts:
        shapes.append(line(x_of(at), TOP, x_of(at), BOTTOM, "reference"))
    steps = [(x_of(at), y_of(share)) for at, share in thinned(spent.progress)]
    return figure(WIDTH, HEIGHT, [*shapes, polyline(steps)], "Progress against time")


def share_bar(shares: Mapping[str, float]) -> str:
    """One bar of what the time went to; the rest of it is empty."""
    shapes, start, x = [rect(0, 0, WIDTH, 14, "track")], 0.0, 0.0
    for place, (name, share) in enumerate(shares.items()):
        style, said = SHARE_STYLES[place % len(SHARE_STYLES)], f"{name} {share:.2%}"
        shapes += [
            rect(start, 0, share * WIDTH, 14, style, 1.0, said),
            rect(x, 24, 11, 11, style),
            text(x + 16, 34, said, "small muted"),
        ]
        start += share * WIDTH
        x += 34 + width_of([said])
    return figure(WIDTH, 40, shapes, "What the time went to")


def _round_time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"


def _named(one: Tried) -> str:
    it = one.candidate
    return (
        f"candidate {it.index}: meta-neuron {it.meta_neuron}, l1 {it.l1:g}, l2 {it.l2:g}, "
        f"repeat {it.repeat}: score {one.measures['score']:.4f}"
    )
