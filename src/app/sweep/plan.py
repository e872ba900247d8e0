"""The plan: which runs a sweep has, each with the key of its resolved config and its seed.

Every run is composed once, before the first starts, so that a wrong value stops the sweep before
any work. Runs that the ledger knows from the same overrides are not composed again while the
config's files are unchanged.
"""

import pickle
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from app.config.superior import Superior
from app.errors import ConfigError
from app.sweep.application import OWN_GROUPS, OWN_KEYS, Application, Description
from app.sweep.experiment import changed, duplicate, reseeded
from app.sweep.ledger import PLANNED, RunState, SweepState
from app.sweep.seeds import seed_of
from app.sweep.signals import held

SWEEP_GROUPS = ("superior", "scheduler")

Compose = Callable[[Sequence[str]], DictConfig]


class Configs:
    """The composed config of each run: kept packed from planning, or composed at need."""

    def __init__(self, compose: Compose, application: Application) -> None:
        self._compose, self._application = compose, application
        self._packed: dict[tuple[str, ...], bytes] = {}
        self.keeps = False  # also after the run: whoever asked for the sweep reads configs

    def of(self, overrides: Sequence[str]) -> DictConfig:
        """The config that the overrides make, the caller's to change."""
        packed = self._packed.get(tuple(overrides))
        if packed is not None:
            kept: DictConfig = pickle.loads(zlib.decompress(packed))  # of this very process
            return kept
        return self._compose(self._application.overrides(overrides))

    def describe(self, overrides: Sequence[str]) -> Description:
        """Composes, describes, and keeps the config for its run."""
        with held():  # libraries swallow an interrupt, and go on with half a config
            composed = self._compose(self._application.overrides(overrides))
        self._packed[tuple(overrides)] = zlib.compress(pickle.dumps(composed), 1)
        return self._application.describe(composed)

    def forget(self, overrides: Sequence[str]) -> None:
        if not self.keeps:
            self._packed.pop(tuple(overrides), None)


@dataclass
class Plan:
    """The runs of one command: those the ledger knows, and those that are new."""

    runs: list[RunState] = field(default_factory=list)  # of all jobs, repeats together
    new: list[RunState] = field(default_factory=list)
    by_job: list[list[str]] = field(default_factory=list)  # job -> run_id of each repeat
    composed: int = 0


def make_plan(
    jobs: Sequence[Sequence[str]],
    first: int,
    state: SweepState,
    settings: Superior,
    configs: Configs,
    is_unchanged: bool = False,
) -> Plan:
    """The runs of `jobs` (the overrides of each); `first` is the position of the first of them,
    where no run of the ledger has it.

    `is_unchanged` says that the config's files are those the ledger was planned with.

    Raises:
        ConfigError: a config is wrong, two jobs are the same run, a run of the ledger has become
            another run.
    """
    plan = Plan()
    known = {tuple(run.overrides): run for run in state.runs.values()}
    by_id = dict(state.runs)
    taken: dict[str, Sequence[str]] = {}  # key -> overrides
    free = 1 + max((run.position for run in by_id.values()), default=first - 1)
    for position, overrides in enumerate(jobs, start=first):
        before = known.get(tuple(overrides))
        if before is not None and is_unchanged:
            told = before
        else:
            told = _described(position, overrides, configs)
            plan.composed += 1
            if before is not None and before.key != told.key:
                raise ConfigError(changed(state.exp_id, overrides))
        if told.key in taken:
            raise ConfigError(duplicate(taken[told.key], overrides))
        taken[told.key] = overrides
        ids = []
        for run in _repeats(told, settings):
            ids.append(run.run_id)
            if run.run_id not in by_id:
                run.position = free = max(free, position)  # no other run's: programs name
                free += 1  # their folders by it
                plan.new.append(run)
            elif by_id[run.run_id].seed != run.seed:
                raise ConfigError(reseeded(state.exp_id, by_id[run.run_id], run))
            plan.runs.append(by_id.setdefault(run.run_id, run))
        plan.by_job.append(ids)
    return plan


def seeded(composed: DictConfig, run: RunState) -> DictConfig:
    """The config of one repeat: its seed, and what backoffs changed; told as overrides too."""
    changes: dict[str, Any] = {}
    if run.seed is not None:
        changes["seed"] = run.seed
    for change in run.changes:
        changes.update(change)
    with open_dict(composed):
        for key, value in changes.items():
            if OmegaConf.select(composed, key) == value:
                continue
            OmegaConf.update(composed, key, value, force_add=True)
            composed.hydra.overrides.task.append(f"++{key}={value}")
    return composed


def axes_of(jobs: Sequence[Sequence[str]]) -> list[str]:
    """The keys whose value differs between jobs, in the order of the overrides."""
    values: dict[str, set[str]] = {}
    for overrides in jobs:
        for key, value in map(split_override, overrides):
            values.setdefault(key, set()).add(value)
    return [key for key, told in values.items() if len(told) > 1]


def without_own(jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """The jobs without overrides of the sweep itself, which its settings hold already.

    Raises:
        ConfigError: such a key is swept; it has one value for all runs.
    """
    for key in axes_of(jobs):
        if key.split(".")[0] in SWEEP_GROUPS:
            raise ConfigError(f"{key}: an axis of runs cannot be a key of the sweep itself")
    return [
        [item for item in job if split_override(item)[0].split(".")[0] not in SWEEP_GROUPS]
        for job in jobs
    ]


def split_override(override: str) -> tuple[str, str]:
    """`++split.train_prop=0.7` as (`split.train_prop`, `0.7`)."""
    key, _, value = override.partition("=")
    return key.lstrip("+~"), value


def _described(position: int, overrides: Sequence[str], configs: Configs) -> RunState:
    described = configs.describe(overrides)
    return RunState(
        run_id="",
        position=position,
        key=described.key,
        repeat=0,
        seed=None,
        overrides=list(overrides),
        axes=_axes(overrides),
        kind=described.kind,
        resource=described.resource,
        families=list(described.families),
        base_seed=described.seed,
    )


def _axes(overrides: Sequence[str]) -> dict[str, str]:
    """The values that tell the run from others; where its files go is not one of them."""
    told = dict(map(split_override, overrides))
    own = (*OWN_GROUPS, *OWN_KEYS)
    return {key: value for key, value in told.items() if key.split(".")[0] not in own}


def _repeats(told: RunState, settings: Superior) -> Iterator[RunState]:
    strategy = settings.seed_strategy
    if told.base_seed is None and strategy != "fixed":
        raise ConfigError(f"superior.seed_strategy={strategy} needs the key `seed` in the config")
    for repeat in range(settings.repeats):
        seed = told.base_seed
        if seed is not None:
            seed = seed_of(strategy, seed, told.key, repeat)
        decided = {name: getattr(told, name) for name in PLANNED}
        decided |= {"run_id": f"{told.key[:12]}_r{repeat}", "repeat": repeat, "seed": seed}
        yield RunState(**decided)
