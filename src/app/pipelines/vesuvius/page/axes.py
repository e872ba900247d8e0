"""Lines over two axes with round figures on them, as SVG."""

import math
from collections.abc import Callable, Iterable, Sequence

from app.pipelines.vesuvius.page.findings import Points
from app.svg import figure, line, polyline, text

WIDTH, HEIGHT = 480.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, WIDTH - 12.0, 10.0, HEIGHT - 42.0  # of the plotted area, px
MOST_POINTS = 80  # of a line: more cannot be seen

Line = tuple[Points, str, str]  # points, CSS class, what is shown when pointed at
Scale = Callable[[float], float]


def plot(lines: Sequence[Line], across: str, title: str) -> str:
    """Lines in their own ranges, the later over the earlier; what is not finite is left out."""
    drawn = [
        ([(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)], style, hint)
        for points, style, hint in lines
    ]
    xs = [x for points, _, _ in drawn for x, _ in points] or [0.0]
    ys = [y for points, _, _ in drawn for _, y in points] or [0.0]
    margin = 0.05 * (max(ys) - min(ys)) or 0.05 * abs(max(ys)) or 1.0
    low, high = min(ys) - margin, max(ys) + margin
    x_of, y_of = scale(min(xs), max(xs), LEFT, RIGHT), scale(low, high, BOTTOM, TOP)
    shapes = frame(
        [(x_of(at), f"{at:,g}") for at in ticks(min(xs), max(xs), 5)],
        [(y_of(at), f"{at:.4g}") for at in ticks(low, high, 4)],
        across,
    )
    for points, style, hint in drawn:
        shapes.append(polyline([(x_of(x), y_of(y)) for x, y in thinned(points)], style, hint))
    return figure(WIDTH, HEIGHT, shapes, title)


def frame(
    across: Iterable[tuple[float, str]], up: Iterable[tuple[float, str]], caption: str
) -> list[str]:
    """Rules and figures of both axes: (px, what is written there); `caption` is of the first."""
    shapes = [text((LEFT + RIGHT) / 2, HEIGHT - 5, caption, "small muted mid")]
    for x, said in across:
        anchor = "end" if x > RIGHT - 20 else "mid"
        shapes += [
            line(x, TOP, x, BOTTOM),
            text(x, BOTTOM + 17, said, f"small muted {anchor}"),
        ]
    for y, said in up:
        shapes += [line(LEFT, y, RIGHT, y), text(LEFT - 7, y + 4, said, "small muted end")]
    return shapes


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """From figures in low to high to px in start to end."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Some `about` figures of 1, 2 or 5 times a power of ten between low and high."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * min(
        (1.0, 2.0, 5.0, 10.0), key=lambda factor: abs(math.log(raw / power / factor))
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def thinned(points: Points) -> Points:
    """At most MOST_POINTS of them, evenly, with the last."""
    step = -(-len(points) // MOST_POINTS)
    return points if step <= 1 else [*points[:-1:step], points[-1]]
