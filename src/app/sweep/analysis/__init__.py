"""What is drawn and written when a sweep's command ends: hooks, named in the config.

    superior.analysis:
      curves: {_target_: app.sweep.analysis.curves, metric: accuracy}
      mine: {_target_: my_module.my_hook, threshold: 0.5}
      report_markdown: null          # off

A hook is a function `hook(sweep: FinishedSweep, **arguments) -> list[Path]` that returns the files
it wrote. Pictures among them are shown in the report.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from app.sweep.analysis.hooks import check_hooks, run_hooks
from app.sweep.finished import FinishedSweep

__all__ = ["FinishedSweep", "check_hooks", "curves", "report_markdown", "run_hooks"]


def curves(
    sweep: FinishedSweep,
    metric: str = "macro_f1",
    x_axis: str | None = None,
    group: str | None = None,
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95,
) -> list[Path]:
    """plots/<metric>_by_<x>.png: the mean of the metric over repeats, with t intervals.

    `x_axis`: by default the numeric axis with most values, else the first that varies. `group`: a
    line each, by default the model; what else varies gets panels. An axis `seed` makes repeats.

    Raises:
        ConfigError: no run has the metric, or there is no such axis.
    """
    from app.sweep.analysis.drawing import draw
    from app.sweep.analysis.panels import panels

    found = panels(sweep.state, metric, x_axis, group, confidence)
    return draw(sweep.folder / "plots", found) if found else []


def report_markdown(sweep: FinishedSweep) -> list[Path]:
    """report.md: what report.html says, as text."""
    from app.sweep.report import write_markdown

    return [write_markdown(sweep)]
