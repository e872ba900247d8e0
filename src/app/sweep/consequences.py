"""What follows from how a run ended, told to the ledger: another attempt, or runs left out.

Told again after a kill in between, it says nothing twice: each step looks at the ledger's state.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.scheduler import Scheduler
from app.config.superior import Superior
from app.sweep.admission import Admission
from app.sweep.ledger import ENDED, Ledger, RunState
from app.sweep.policies import after_low_quality, after_oom

Smaller = Callable[[RunState, Path], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Consequences:
    """Retries, backoffs, and the policies of one sweep."""

    ledger: Ledger
    admission: Admission
    settings: Superior
    scheduler: Scheduler
    smaller: Smaller  # what would make a run whose files are in a folder smaller

    def tell(self, run: RunState) -> None:
        """What the end of `run` means for it and for others."""
        if run.status not in ENDED:
            return
        if run.status == "killed" and run.kills <= self.settings.retries:
            self.ledger.append("retried", run_id=run.run_id)
        elif run.status == "oom":
            self._after_oom(run)
        for skip in after_low_quality(run, list(self.ledger.runs()), self.settings.early_stop):
            self._skip(skip.run_id, skip.status, skip.because)

    def _after_oom(self, run: RunState) -> None:
        if self.scheduler.oom_policy == "backoff" and run.backoff < self.scheduler.max_backoffs:
            change = self._change(run)
            if change is not None:
                level = run.backoff + 1
                self.ledger.append("backoff", run_id=run.run_id, level=level, change=change)
                return
        for skip in after_oom(run, list(self.ledger.runs()), self.scheduler):
            self._skip(skip.run_id, skip.status, skip.because)

    def _change(self, run: RunState) -> Mapping[str, Any] | None:
        """What makes the next attempt fit; None: nothing would."""
        if self.scheduler.backoff == "smaller_work":
            return self.smaller(run, self.ledger.folder / run.folder)
        limit = self.admission.limit_gb(run)
        if limit is None or limit * self.scheduler.backoff_factor > self.admission.max_ram_gb:
            return None
        return {}

    def _skip(self, run_id: str, status: str, because: str) -> None:
        self.ledger.append("skipped", run_id=run_id, status=status, because=because)
