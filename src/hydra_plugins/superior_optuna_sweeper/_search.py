"""The search: asks for a batch of trials, launches their runs, tells their values; again.

Nothing of Optuna is stored. A sampler with a seed that is asked and told the same in the same
order proposes the same trials: a resumed command asks from the start, the launcher returns at once
the values of the runs that its ledger knows, and the search goes on where it was stopped.
"""

import contextlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from optuna.trial import Trial, TrialState

from app.errors import ConfigError, MissingExtraError, SweepError
from hydra_plugins.superior_optuna_sweeper._earlier import EarlierSearch, has_lost_value, runs_of
from hydra_plugins.superior_optuna_sweeper._results import Found, write_results
from hydra_plugins.superior_optuna_sweeper._sampler import make_sampler
from hydra_plugins.superior_optuna_sweeper._settings import directions_of, require_possible
from hydra_plugins.superior_optuna_sweeper._space import read_space

if TYPE_CHECKING:
    from hydra_plugins.superior_optuna_sweeper.sweeper import OptunaSweeper


def search(sweeper: "OptunaSweeper", arguments: Sequence[str]) -> list[Sequence[JobReturn]]:
    """Carries the search out and writes its results; the JobReturns of each batch."""
    require_possible(sweeper)
    assert sweeper.hydra_context is not None
    assert sweeper.config is not None
    config, launcher = sweeper.config, _kept_open(sweeper.launcher)
    folder = Path(str(config.hydra.sweep.dir)).absolute()
    space = read_space(sweeper.params, arguments, sweeper.hydra_context.config_loader)
    directions = directions_of(sweeper.direction, config)
    sampler, seed = make_sampler(sweeper.sampler, config, space)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = sweeper.study_name or folder.name
    study = optuna.create_study(sampler=sampler, study_name=name, directions=directions)
    settings = {"sampler": type(sampler).__name__, "seed": seed, "n_jobs": sweeper.n_jobs}
    told = {"direction": directions[0] if len(directions) == 1 else directions, **settings}
    found = Found(study, space, sweeper.n_trials, told)
    _say(
        f"search {name}: {sweeper.n_trials} trials, {sweeper.n_jobs} at a time, proposed by "
        f"{settings['sampler']} with seed {seed}; {', '.join(directions)}"
    )
    if OmegaConf.select(config, "superior.dry_run", default=False):
        _say("its first batch; what follows depends on the values that this one gives")
    lines: list[str] = []
    try:
        batches = _Batches(found, launcher, sweeper.n_jobs, folder, _earlier(config, folder)).run()
        lines = write_results(found, folder)
    finally:
        getattr(launcher, "close", lambda: None)()
        _say(*lines)  # below what the launcher shows while it is open
    _require_values(found, sweeper.max_failure_rate, folder)
    return batches


class _Batches:
    """The trials, batch by batch."""

    def __init__(
        self,
        found: Found,
        launcher: Launcher,
        n_jobs: int,
        folder: Path,
        earlier: EarlierSearch | None,
    ) -> None:
        self.found, self.study, self.space = found, found.study, found.space
        self.launcher, self.n_jobs, self.folder, self.earlier = launcher, n_jobs, folder, earlier

    def run(self) -> list[Sequence[JobReturn]]:
        batches: list[Sequence[JobReturn]] = []
        first = 0
        while first < self.found.n_trials and not self.found.why_ended:
            size = min(self.n_jobs, self.found.n_trials - first)
            batches.append(self._batch([self._ask() for _ in range(size)], first))
            first += size
        return batches

    def _ask(self) -> Trial:
        try:
            return self.study.ask(self.space.distributions)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"hydra.sweeper.sampler: {type(self.study.sampler).__name__} needs a package that "
                f"is not installed: pip install {error.name}"
            ) from error
        except (ValueError, NotImplementedError) as error:
            raise ConfigError(f"hydra.sweeper.sampler cannot search these axes: {error}") from error

    def _batch(self, trials: Sequence[Trial], first: int) -> Sequence[JobReturn]:
        """Launches, then tells in the order of the trials, whichever run ended first."""
        jobs = [tuple(self.space.overrides(trial.params)) for trial in trials]
        once = list(dict.fromkeys(jobs))  # what is proposed twice is run once
        if self.earlier is not None:
            self.earlier.require_same(once, first)
        returns = self.launcher.launch([list(job) for job in once], initial_job_idx=first)
        by_job = dict(zip(once, returns, strict=True))
        if any(told.status == JobStatus.FAILED for told in returns) and self._is_stopped(once):
            return returns
        for trial, job in zip(trials, jobs, strict=True):
            self._tell(trial, by_job[job])
        return returns

    def _is_stopped(self, jobs: Sequence[Sequence[str]]) -> bool:
        """Whether runs have no result because the sweep was told to stop: they have not failed."""
        waiting = [run for run in runs_of(self.folder, jobs) if not run.is_final]
        if waiting:
            self.found.why_ended = (
                "stopped by superior.max_runs or superior.deadline; the same command goes on"
            )
        return bool(waiting)

    def _tell(self, trial: Trial, told: JobReturn) -> None:
        values = None
        if told.status == JobStatus.COMPLETED:
            values = self._values(trial, told)
        if values is None or any(map(math.isnan, values)):
            self.found.failed[trial.number], values = told, None
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        try:
            self.study.tell(trial, values, state)
        except RuntimeError as error:  # what samplers with finitely many trials do at their end
            if "Study.stop" not in str(error):
                raise
            self.found.why_ended = "every combination was tried"

    def _values(self, trial: Trial, told: JobReturn) -> list[float]:
        """What the run returned.

        Raises:
            SweepError: no number, or another number of them than there are directions.
        """
        value, expected = told.return_value, len(self.study.directions)
        values = list(value) if isinstance(value, list | tuple) else [value]
        if len(values) == expected and all(isinstance(one, int | float) for one in values):
            return [float(one) for one in values]
        runs = runs_of(self.folder, [told.overrides or []]) if value is None else ()
        if any(has_lost_value(run, self.folder) for run in runs):
            return [math.nan]
        shown = ", ".join(f"{key}={chosen}" for key, chosen in trial.params.items())
        wanted = "one number" if expected == 1 else f"a list of {expected} numbers"
        raise SweepError(
            f"trial {trial.number} ({shown}) gave {value!r}, and the search needs {wanted}: return "
            "it from the task as float, or name in superior.objective a metric its models record"
        )


def _say(*lines: str) -> None:
    with contextlib.suppress(OSError):  # nobody looks any more: the search goes on
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def _kept_open(launcher: Any) -> Launcher:
    """The launcher, told to use one session of its ledger for all batches."""
    launcher.keeps_open = True
    assert isinstance(launcher, Launcher)
    return launcher


def _earlier(config: DictConfig, folder: Path) -> EarlierSearch | None:
    """What this search must agree with: nothing, where a run's value may have changed."""
    resume = OmegaConf.select(config, "superior.resume", default=True)
    retry = OmegaConf.select(config, "superior.retry_failed", default=False)
    return EarlierSearch(folder) if resume and not retry else None


def _require_values(found: Found, max_failure_rate: float, folder: Path) -> None:
    """Raises SweepError when more trials failed than allowed, or all did."""
    failed = found.failed
    is_allowed = len(failed) <= max_failure_rate * found.n_ended
    if not failed or (is_allowed and len(failed) < found.n_ended):
        return
    number, told = next(iter(failed.items()))
    logs = [
        f"\n  its log: {folder / 'logs' / f'run_{run.run_id}.log'}"
        for run in runs_of(folder, [told.overrides or []])
    ]
    error = _error_of(told)
    raise SweepError(
        f"{len(failed)} of {found.n_ended} trials have no value, and hydra.sweeper."
        f"max_failure_rate={max_failure_rate} allows {int(max_failure_rate * found.n_ended)}; "
        f"the others are whole\n  first: trial {number}: "
        f"{error or 'its value is not a number (nan)'}{''.join(logs)}"
    ) from error


def _error_of(told: JobReturn) -> Exception | None:
    try:
        _ = told.return_value  # raises the error of a run that failed
    except Exception as error:
        return error
    return None
