"""The grid of a sweep: every combination of the axes, paired axes moving together.

    hydra:
      sweeper:
        params: {balance: "none,oversample"}      # axes, as on the command line
        paired:                                   # each entry is one axis of several keys
          - {dataset: "web1,asr1", filters: "web,speech"}

Hydra's own sweeper composes every run before it launches them, to find mistakes early; here the
launcher's plan does that, once for each run.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, ListConfig


@dataclass
class SuperiorSweeperConf:
    _target_: str = "hydra_plugins.superior_sweeper.sweeper.SuperiorSweeper"
    params: dict[str, str] | None = None
    paired: list[dict[str, str]] = field(default_factory=list)


ConfigStore.instance().store(
    group="hydra/sweeper", name="superior", node=SuperiorSweeperConf, provider="superior"
)


class SuperiorSweeper(Sweeper):
    """Grids; what is given on the command line replaces an axis of the same key."""

    def __init__(
        self, params: DictConfig | Mapping[str, str] | None, paired: ListConfig | Sequence[Any]
    ) -> None:
        self.params = {str(key): str(value) for key, value in (params or {}).items()}
        self.paired = [{str(key): str(value) for key, value in axis.items()} for axis in paired]

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Launches all combinations at once; their JobReturns.

        Raises:
            HydraException: an axis without values, paired axes of different lengths, or a sweep
                over an interval.
        """
        assert self.launcher is not None
        jobs = self.combinations(arguments)
        returns = self.launcher.launch(jobs, initial_job_idx=0)
        if hasattr(self.launcher, "failure"):  # ours: runs left for the next command are none
            if self.launcher.failure is not None:
                raise self.launcher.failure
            return [returns]
        for returned in returns:
            _ = returned.return_value  # raises the error of a run that failed
        return [returns]

    def combinations(self, arguments: Sequence[str]) -> list[list[str]]:
        """The overrides of every run."""
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        given = {
            _bare(item.get_key_element()): item for item in parser.parse_overrides(list(arguments))
        }
        axes: list[list[list[str]]] = []
        for key, values in self.params.items():
            if _bare(key) not in given:
                axes.append([[item] for item in _values(parser.parse_override(f"{key}={values}"))])
        for paired in self.paired:
            axes.append(_zipped(parser, {k: v for k, v in paired.items() if _bare(k) not in given}))
        axes += [[[item] for item in _values(override)] for override in given.values()]
        return [list(itertools.chain(*parts)) for parts in itertools.product(*axes)]


def _zipped(parser: OverridesParser, paired: Mapping[str, str]) -> list[list[str]]:
    """One list of overrides for each position of the paired axes."""
    columns = {key: _values(parser.parse_override(f"{key}={told}")) for key, told in paired.items()}
    lengths = {key: len(values) for key, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise HydraException(f"hydra.sweeper.paired: axes of different lengths: {told}")
    return [list(row) for row in zip(*columns.values(), strict=True)] or [[]]


def _values(override: Override) -> list[str]:
    return list(_overrides(override))


def _overrides(override: Override) -> Iterator[str]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        yield key if override.is_delete() else f"{key}={override.get_value_element_as_str()}"
        return
    if not override.is_discrete_sweep():
        raise HydraException(
            f"{override.input_line}: a grid needs values, not an interval; write key=a,b,c, "
            "range(...), or use hydra/sweeper=optuna"
        )
    values = list(override.sweep_string_iterator())
    if not values:
        raise HydraException(f"{override.input_line}: an axis without values; nothing would run")
    for value in values:
        yield f"{key}={value}"


def _bare(key: str) -> str:
    return key.lstrip("+~")
