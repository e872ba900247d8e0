"""report.html from the summary and the PNG figures, by the template beside this file."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.pipelines.janus.page import words
from app.svg import COLOURS, DARK_COLOURS


def write_html(summary: Mapping[str, Any], plots: Path) -> str:
    """report.html: self-contained, the figures inside; each is a PDF in `plots`, too."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        figure=lambda value, digits=4: "" if value is None else _figure(value, digits),
        count=lambda value: "" if value is None else f"{value:,.0f}",
    )
    figures = {path.stem: _embedded(path) for path in sorted(plots.glob("*.png"))}
    models = {summary["model"]: summary, **summary["rivals"]}
    return environment.get_template("report.html.j2").render(
        it=summary,
        models=models,
        figures=figures,
        headline=words.headline(summary),
        tiles=words.tiles(summary),
        alarms=words.alarms(summary),
        notes=words.notes(summary),
        measured=words.measured,
        colours=COLOURS,
        dark_colours=DARK_COLOURS,
    )


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
