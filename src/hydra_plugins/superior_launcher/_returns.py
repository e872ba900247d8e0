"""What Hydra's sweepers are told of a job: its value or error, and the config that it had."""

import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf, open_dict

from app.errors import SweepError
from app.sweep.job import VALUE
from app.sweep.ledger import SKIPPED, RunState
from app.sweep.outcome import read_outcome
from app.sweep.plan import Configs


@dataclass(frozen=True)
class Returns:
    """Makes the JobReturns of one sweep."""

    folder: Path
    objective: str  # of a run's best model, where its task returns nothing
    task_name: str
    configs: Configs
    since_ns: int  # when this command began: pickles of earlier ones are not read

    def of(self, overrides: Sequence[str], runs: Sequence[RunState]) -> JobReturn:
        """Of a job with these repeats: the mean of their values, or the first error."""
        told = JobReturn(overrides=list(overrides), task_name=self.task_name)
        if self.configs.keeps:
            told.cfg, told.hydra_cfg, told.working_dir = self._configs_of(runs[0])
        ok = [run for run in runs if run.status == "ok"]
        bad = next((run for run in runs if run.status not in ("ok", *SKIPPED)), None)
        if bad is None and ok:  # repeats that a policy skipped are no failures
            told.status = JobStatus.COMPLETED
            told.return_value = _mean([self._value_of(run) for run in ok])
        else:
            told.status = JobStatus.FAILED
            told.return_value = self._error_of(bad or runs[0])
        return told

    def _configs_of(self, run: RunState) -> tuple[DictConfig, DictConfig, str]:
        """The config that the run had, the part of it that is Hydra's, and where it ran."""
        composed = self.configs.of(run.overrides)
        with open_dict(composed):
            composed.hydra.job.id, composed.hydra.job.num = run.run_id, run.position
            folder = Path(str(composed.hydra.sweep.dir)) / str(composed.hydra.sweep.subdir)
            composed.hydra.runtime.output_dir = os.path.abspath(folder)
        outcome = read_outcome(self.folder / run.folder, run.run_id, run.attempt)
        hydra_cfg = OmegaConf.create({"hydra": composed.hydra})
        with open_dict(composed):
            del composed["hydra"]
        return composed, hydra_cfg, outcome.working_dir if outcome else ""

    def _value_of(self, run: RunState) -> Any:
        """What the task returned; where that is nothing, the objective of its best model."""
        value = run.value if run.value is not None else self._unpickled(run)
        scores = [told[self.objective] for told in run.metrics.values() if self.objective in told]
        return max(scores) if value is None and scores else value

    def _error_of(self, run: RunState) -> BaseException:
        """What the task raised, or what became of the run."""
        error = self._unpickled(run) if run.status == "failed" else None
        if isinstance(error, Exception):
            return error
        told = run.error or run.because
        return SweepError(f"{' '.join(run.overrides)}: {run.status}: {told}")

    def _unpickled(self, run: RunState) -> Any:
        """What JSON could not hold: read once, by the command whose own run has just written it."""
        file = self.folder / run.folder / VALUE
        if run.ended_ns < self.since_ns or not file.exists():
            return None
        value = pickle.loads(file.read_bytes())
        file.unlink()
        return value


def _mean(values: Sequence[Any]) -> Any:
    """The mean of numbers, or of lists of numbers element by element; of others, the first."""
    if len(values) == 1:
        return values[0]
    rows = [value if isinstance(value, list | tuple) else [value] for value in values]
    if not all(isinstance(number, int | float) for row in rows for number in row):
        return values[0]
    means = [sum(column) / len(column) for column in zip(*rows, strict=True)]
    return means if isinstance(values[0], list | tuple) else means[0]
