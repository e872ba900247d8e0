"""The few SVG shapes the plots of reports are made of, with every text escaped.

Colours are CSS variables, so that one drawing serves the light and the dark page; `standalone`
gives it its own colours, for a file that is looked at by itself.
"""

from collections.abc import Iterable, Sequence
from html import escape

CHAR_WIDTH = 8.2  # px a character of 13 px takes in the widest of the usual sans-serif fonts
THIN, THIN_WIDTH = frozenset("fijlrt .,;:!'|()[]"), 5.3
BROAD, BROAD_WIDTH = frozenset("mwMW@%…"), 12.8
ELLIPSIS = "…"

COLOURS = """
--paper:#fdfcfa;--card:#ffffff;--ink:#1d1c1a;--muted:#68645d;--rule:#e3dfd8;--model:#2b5f91;
--second:#b9772a;--base:#a9a59d;--job:#5b8f6b;--good:#2f7a4d;--alert:#a4531a;--alert-paper:#fbf1e6;
"""
DARK_COLOURS = """
--paper:#161615;--card:#1e1e1c;--ink:#ecebe6;--muted:#a3a098;--rule:#34332f;--model:#86b5e3;
--second:#dfa55c;--base:#77746d;--job:#8cc39c;--good:#7fcb9c;--alert:#efa765;--alert-paper:#2d241a;
"""
CHART_CSS = """
.chart text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-size:13px;
fill:var(--ink);font-variant-numeric:tabular-nums}
.chart .small{font-size:11.5px}.chart .muted{fill:var(--muted)}.chart .strong{font-weight:600}
.chart .halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.chart .end{text-anchor:end}.chart .mid{text-anchor:middle}
.chart .model{fill:var(--model)}.chart .second{fill:var(--second)}.chart .base{fill:var(--base)}
.chart .job{fill:var(--job)}.chart .track{fill:var(--rule);fill-opacity:.45}
.chart .cell{fill:none;stroke:var(--rule)}.chart line{stroke:var(--rule)}
.chart .whisker{stroke:var(--ink);stroke-width:1.5}
.chart .reference{stroke:var(--alert);stroke-dasharray:4 3}
.chart polyline{fill:none;stroke:var(--model);stroke-width:2.2;stroke-linejoin:round}
.chart polyline.other{stroke:var(--base);stroke-width:1;stroke-opacity:.55}
"""


def figure(width: float, height: float, shapes: Iterable[str], title: str) -> str:
    """A drawing of `width` x `height` px that scales with the page; `title` is read out."""
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" {size}>'
        f"<title>{escape(title)}</title>{''.join(shapes)}</svg>"
    )


def standalone(drawing: str) -> str:
    """The same drawing as a file of its own, light or dark as the reader's system asks."""
    style = (
        f"<style>.chart{{{COLOURS}background:var(--paper)}}"
        f"@media(prefers-color-scheme:dark){{.chart{{{DARK_COLOURS}}}}}{CHART_CSS}</style>"
    ).replace("\n", "")
    return drawing.replace("<title>", style + "<title>", 1) + "\n"


def text(
    x: float, y: float, content: str, style: str = "", turn: float = 0.0, hint: str = ""
) -> str:
    """Text at its baseline; `turn` in degrees; `hint` is shown when pointed at."""
    turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    told = f"<title>{escape(hint)}</title>" if hint and hint != content else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{turned}>{told}{escape(content)}</text>'


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    style: str,
    opacity: float = 1.0,
    hint: str = "",
) -> str:
    faded = f' fill-opacity="{opacity:.3f}"' if opacity < 1.0 else ""
    told = f"<title>{escape(hint)}</title>" if hint else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{height:.1f}" '
        f'class="{style}"{faded}>{told}</rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def polyline(points: Iterable[tuple[float, float]], style: str = "", hint: str = "") -> str:
    """A line through (x, y) points; `hint` is shown when pointed at."""
    told = f"<title>{escape(hint)}</title>" if hint else ""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" class="{style}">{told}</polyline>'


def shift(x: float, y: float, shapes: Iterable[str]) -> str:
    """Shapes moved by (x, y)."""
    return f'<g transform="translate({x:.1f} {y:.1f})">{"".join(shapes)}</g>'


def shorten(name: str, n_characters: int) -> str:
    """A name cut to at most `n_characters`, with an ellipsis where it was cut."""
    plain = " ".join(name.split())
    return plain if len(plain) <= n_characters else plain[: n_characters - 1].rstrip() + ELLIPSIS


def short_names(names: Sequence[str], n_characters: int) -> list[str]:
    """Every name shortened; those that would look alike are told apart by their place."""
    short = [shorten(name, n_characters) for name in names]
    return [
        f"{place}. {shorten(name, n_characters - len(f'{place}. '))}"
        if short.count(cut) > 1
        else cut
        for place, (name, cut) in enumerate(zip(names, short, strict=True), start=1)
    ]


def width_of(names: Iterable[str]) -> float:
    """About the px the longest of the names takes."""
    return max((sum(map(_width, name)) for name in names), default=0.0)


def _width(character: str) -> float:
    if character in THIN:
        return THIN_WIDTH
    return BROAD_WIDTH if character in BROAD else CHAR_WIDTH
