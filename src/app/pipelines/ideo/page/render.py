"""The report as one HTML page and as Markdown, from the templates beside this file."""

import re
from typing import TYPE_CHECKING, Any

from app.pipelines.ideo.page.findings import Findings, draw
from app.pipelines.ideo.page.results import verdict
from app.svg import CHART_CSS, COLOURS, DARK_COLOURS, standalone

if TYPE_CHECKING:
    from jinja2 import Environment

MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]|<>#])")
SMALLEST_P = 0.001


def draw_plots(findings: Findings) -> dict[str, str]:
    """The drawings as files of their own, name -> SVG."""
    return {name: standalone(drawing) for name, drawing in draw(findings).items()}


def write_html(findings: Findings) -> str:
    """report.html: self-contained, light and dark, with the drawings inside."""
    page = _environment(escape=True).get_template("report.html.j2")
    return page.render(
        it=findings,
        drawings=draw(findings),
        colours=COLOURS,
        dark_colours=DARK_COLOURS,
        chart_css=CHART_CSS,
    )


def write_markdown(findings: Findings) -> str:
    """report.md, which shows the plots saved in plots/ beside it."""
    return _environment(escape=False).get_template("report.md.j2").render(it=findings)


def _environment(escape: bool) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=escape,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        score=lambda value: f"{value:.3f}",
        range=lambda pair: f"[{pair[0]:.3f}, {pair[1]:.3f}]",
        signed=lambda value: f"{value:+.3f}".replace("-", "−"),
        signed_range=lambda pair: f"[{pair[0]:+.3f}, {pair[1]:+.3f}]".replace("-", "−"),
        percent=lambda value: f"{value:.1%}",
        count=lambda value: f"{value:,}",
        p_value=lambda value: "< 0.001" if value < SMALLEST_P else f"{value:.3f}",
        verdict=verdict,
        md=_markdown,
    )
    return environment


def _markdown(value: Any) -> str:
    """Text that Markdown shows as it is, on one line."""
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(str(value).split()))
