"""report.html of a run: from its findings to one self-contained page."""
