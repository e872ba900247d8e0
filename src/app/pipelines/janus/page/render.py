"""report.html from the summary and the PNG figures, by the template beside this file."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.config.janus.sampler import Convergence, Sampler
from app.pipelines.janus.page import tables, words
from app.pipelines.janus.page.numbers import count, figure, in_json
from app.pipelines.janus.page.remedy import remedies
from app.svg import COLOURS, DARK_COLOURS


def write_html(
    summary: Mapping[str, Any], plots: Path, sampler: Sampler, convergence: Convergence
) -> str:
    """report.html: self-contained, the figures inside; each is a PDF in `plots`, too. `sampler` and
    `convergence` are those of the run, for what to type after it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(figure=figure, count=count, in_json=in_json)
    figures = {path.stem: _embedded(path) for path in sorted(plots.glob("*.png"))}
    models = words.models_of(summary)
    is_comparison = len(summary["comparison"]) > 1
    return environment.get_template("report.html.j2").render(
        it=summary,
        models=models,
        figures=figures,
        headline=words.headline(summary),
        by_bic=words.by_bic(summary),
        work=words.work(summary),
        tiles=words.tiles(summary),
        alarms=words.alarms(summary),
        remedies=remedies(models, sampler, convergence),
        notes=words.notes(summary),
        comparison=tables.comparison(summary, models) if is_comparison else [],
        below_comparison=words.below_comparison(summary) if is_comparison else [],
        parameters={name: tables.parameters(told) for name, told in models.items()},
        colours=COLOURS,
        dark_colours=DARK_COLOURS,
    )


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
