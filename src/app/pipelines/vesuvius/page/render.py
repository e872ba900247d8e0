"""report.html from the findings, by the template beside this file."""

from typing import Any

from app.pipelines.vesuvius.page import charts, words
from app.pipelines.vesuvius.page.findings import Findings, Pictured
from app.pipelines.vesuvius.page.slices import COLOURS as SLICE_COLOURS
from app.pipelines.vesuvius.page.slices import colours_used, slices_of
from app.svg import CHART_CSS, COLOURS, DARK_COLOURS
from app.sweep.words import duration, when

PICTURES_OPEN = 6  # volumes; the others are folded
ROWS_OPEN = 12  # of a table
ZOOM = 5  # px of the screen for a voxel, at most


def write_html(it: Findings) -> str:
    """report.html: self-contained, light and dark, the pictures and plots inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        score=lambda value: "" if value is None else f"{value:.3f}",
        signed=lambda value: f"{value:.4f}".replace("-", "−"),
        count=lambda value: f"{value:,}",
        duration=duration,
        when=when,
    )
    page = environment.get_template("report.html.j2")
    return page.render(
        it=it,
        headline=words.headline(it),
        tiles=words.tiles(it),
        warnings=words.warnings(it),
        sections=_sections(it),
        scores=words.score_table(it),
        has_forest=bool(words.forest_means_of(it.volumes)),
        pictures=[_picture(pictured) for pictured in it.pictured],
        legend=_legend(it),
        ranked=list(enumerate(words.ranked(it), start=1)),
        drawings=_drawings(it),
        pictures_open=PICTURES_OPEN,
        rows_open=ROWS_OPEN,
        colours=COLOURS,
        dark_colours=DARK_COLOURS,
        chart_css=CHART_CSS,
    )


def _sections(it: Findings) -> list[tuple[str, str]]:
    """(anchor, heading) of the sections there are."""
    sections = [
        ("volumes", "Slices", bool(it.pictured)),
        ("scores", "Scores", any(volume.scores for volume in it.volumes)),
        ("candidates", "Candidates", bool(it.tried)),
        ("curves", "Learning curves", any(one.curve for one in it.tried)),
        ("distillation", "Distillation", it.distilled is not None),
        ("time", "Time", bool(it.spent.phases)),
        ("provenance", "Provenance", True),
    ]
    return [(anchor, heading) for anchor, heading, there in sections if there]


def _picture(pictured: Pictured) -> dict[str, Any]:
    slices = slices_of(pictured)
    return {
        "name": pictured.name,
        "shape": " × ".join(str(size) for size in pictured.mask.shape),
        "slices": slices,
        "width": min(sum(one.width for one in slices) * ZOOM, 980),
    }


def _legend(it: Findings) -> dict[str, str]:
    """What is drawn -> its colour, of what is drawn at all."""
    used = {name for pictured in it.pictured for name in colours_used(pictured)}
    return {
        name: "rgb({}, {}, {})".format(*colour)
        for name, colour in SLICE_COLOURS.items()
        if name in used
    }


def _drawings(it: Findings) -> dict[str, str]:
    drawings = {}
    if it.tried:
        drawings["grid"] = charts.grid_map(it.tried, it.best)
    if any(one.curve for one in it.tried):
        drawings["curves"] = charts.learning_curves(it.tried, it.best)
    if it.distilled is not None and it.distilled.losses:
        drawings["losses"] = charts.loss_curve(it.distilled.losses)
    if it.spent.phases:
        drawings["phases"] = charts.phase_bars(it.spent)
    if it.spent.shares:
        drawings["shares"] = charts.share_bar(it.spent.shares)
    if it.spent.progress:
        drawings["progress"] = charts.progress_chart(it.spent)
    return drawings
