"""The report's two files, from the templates beside this one."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.durable.atomic import write_text
from app.sweep.finished import FinishedSweep
from app.sweep.report.findings import gather_findings
from app.sweep.report.ranking import Rank
from app.sweep.words import duration, memory, when

if TYPE_CHECKING:
    from jinja2 import Environment

MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]|<>#])")
SHOWN = 12  # ranks that are open; the others are folded
BAR = 150.0  # px of the widest interval's scale


def write_html(sweep: FinishedSweep) -> Path:
    """report.html: one file that opens anywhere, light and dark, with the plots inside."""
    found = gather_findings(sweep)
    page = _environment(escape=True).get_template("report.html.j2")
    bars = _bars(found.ranks)
    path = sweep.folder / "report.html"
    write_text(path, page.render(it=found, bars=bars, shown=SHOWN, bar_width=BAR))
    return path


def write_markdown(sweep: FinishedSweep) -> Path:
    """report.md, which shows the plots saved beside it."""
    text = _environment(escape=False).get_template("report.md.j2")
    path = sweep.folder / "report.md"
    write_text(path, text.render(it=gather_findings(sweep)))
    return path


def _bars(ranks: list[Rank]) -> list[dict[str, float]]:
    """Where each mean and its interval lie, in px, on one scale for all."""
    lows = [rank.mean - (rank.half or 0.0) for rank in ranks]
    highs = [rank.mean + (rank.half or 0.0) for rank in ranks]
    low, high = min(lows, default=0.0), max(highs, default=1.0)
    scale = (BAR - 10) / (high - low) if high > low else 0.0
    return [
        {
            "low": 5 + (start - low) * scale,
            "high": 5 + (end - low) * scale,
            "mean": 5 + (rank.mean - low) * scale,
        }
        for rank, start, end in zip(ranks, lows, highs, strict=True)
    ]


def _environment(escape: bool) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=escape,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        score=_score,
        half=lambda half: "" if half is None else f"± {_score(half)}",
        duration=duration,
        memory=memory,
        when=when,
        words=lambda text: text.replace("_", " "),
        md=_markdown,
    )
    return environment


def _score(value: float) -> str:
    """Three decimals, or four digits of what is far from one."""
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.4g}"


def _markdown(value: Any) -> str:
    """Text that Markdown shows as it is, on one line."""
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(str(value).split()))
