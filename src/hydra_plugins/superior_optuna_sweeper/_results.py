"""What a search found: `optimization_results.yaml`, and a few lines on the terminal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.utils import JobReturn
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from app.durable.atomic import write_text
from hydra_plugins.superior_optuna_sweeper._earlier import runs_of
from hydra_plugins.superior_optuna_sweeper._space import Space

RESULTS = "optimization_results.yaml"


@dataclass
class Found:
    """The trials that have ended, and those that will not be tried."""

    study: Study
    space: Space
    n_trials: int  # asked for
    told: Mapping[str, Any]  # the settings that the results repeat
    failed: dict[int, JobReturn] = field(default_factory=dict)  # trial -> its run
    why_ended: str = ""  # before n_trials

    @property
    def n_ended(self) -> int:
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def best(self) -> list[FrozenTrial]:
        """The best trial; for several directions, those that no other beats in all of them."""
        if not self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            return []
        trials = [self.study.best_trial] if self.is_single else self.study.best_trials
        return sorted(trials, key=lambda trial: trial.number)

    @property
    def is_single(self) -> bool:
        return len(self.study.directions) == 1


def write_results(found: Found, folder: Path) -> list[str]:
    """Writes the file; the lines for the terminal."""
    told: dict[str, Any] = {"name": "optuna", "study_name": found.study.study_name, **found.told}
    told |= {"n_trials": found.n_trials, "n_ended": found.n_ended, "n_failed": len(found.failed)}
    solutions = [_solution(found, trial, folder) for trial in found.best()]
    if found.is_single:
        told |= {f"best_{key}": value for one in solutions for key, value in one.items()}
    else:
        told["solutions"] = solutions
    text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
    write_text(folder / RESULTS, text)
    return [*_lines(solutions, found), f"results: {folder / RESULTS}"]


def _solution(found: Found, trial: FrozenTrial, folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = {"value": trial.values[0]}
    if not found.is_single:
        value = {"values": list(trial.values)}
    solution = {"params": found.space.values(trial.params), **value, "trial": trial.number}
    runs = [run.folder for run in runs_of(folder, [found.space.overrides(trial.params)])]
    if runs:
        solution["runs"] = runs
    return solution


def _lines(solutions: list[dict[str, Any]], found: Found) -> list[str]:
    shown: Callable[[dict[str, Any]], str] = lambda one: (  # noqa: E731
        f"{one.get('value', one.get('values'))} with "
        + ", ".join(f"{key}={value}" for key, value in one["params"].items())
        + f" (trial {one['trial']}{''.join(', ' + run for run in one.get('runs', []))})"
    )
    title = "best" if found.is_single else "not beaten in all directions"
    lines = [f"{title}: {shown(one)}" for one in solutions]
    counted = f"{found.n_ended} of {found.n_trials} trials ended, {len(found.failed)} failed"
    return [*lines, f"{counted}; {found.why_ended}" if found.why_ended else counted]
