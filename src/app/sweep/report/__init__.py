"""The report of a sweep: report.html for a browser, report.md for everything else."""

from app.sweep.report.render import write_html, write_markdown

__all__ = ["write_html", "write_markdown"]
