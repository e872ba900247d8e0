"""report.html of a run: from its summary and its figures to one self-contained page."""
