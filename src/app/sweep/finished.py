"""A sweep as analysis hooks and the report see it."""

from dataclasses import dataclass, field
from pathlib import Path

from app.sweep.ledger import SweepState
from app.sweep.tables import Row, metrics_rows, runs_rows


@dataclass
class FinishedSweep:
    """A sweep whose command has ended; some of its runs may be left, or have failed."""

    folder: Path  # of the sweep: ledger, tables, runs/, logs/, plots/
    state: SweepState
    files: list[Path] = field(default_factory=list)  # that the hooks before have written
    problems: list[str] = field(default_factory=list)  # of the hooks before

    def runs_table(self) -> list[Row]:
        """The rows of runs.tsv, as values: a dict for each run."""
        return runs_rows(self.state)

    def metrics_rows(self) -> list[Row]:
        """The rows of metrics_global.tsv, as values: a dict for each model of each run."""
        return metrics_rows(self.state)
