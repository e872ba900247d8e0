"""What is searched: the axes, read from overrides, as Optuna's distributions.

key=a,b,c  choice(a,b,c)  glob(*)   one of these values
range(1,10)  range(0,1,step=0.1)    a number of the range, its end excluded as in a grid
interval(0.1,0.9)                   a float between both ends
int(interval(1,9))                  an integer between both ends, both included
tag(log, ...)                       of a range or an interval: on a logarithmic scale
key=value                           is the same in every run
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from app.errors import ConfigError
from app.sweep.plan import SWEEP_GROUPS


@dataclass(frozen=True)
class Axis:
    """One key that is searched."""

    key: str  # as an override has it, with its `+`
    distribution: BaseDistribution
    values: Mapping[str, Any] = field(default_factory=dict)  # override's text -> value, if listed

    @property
    def name(self) -> str:
        return self.key.lstrip("+")

    def text(self, proposed: Any) -> str:
        """The value as an override says it, so that it is read back bit for bit."""
        if isinstance(self.distribution, CategoricalDistribution):
            return str(proposed)
        if self.values and isinstance(proposed, float):  # 0.1 + 0.2 is meant to be 0.3
            return min(self.values, key=lambda text: abs(self.values[text] - proposed))
        return repr(float(proposed) if isinstance(proposed, float) else int(proposed))

    def value(self, proposed: Any) -> Any:
        return self.values.get(self.text(proposed), proposed)


@dataclass(frozen=True)
class Space:
    """All axes, and what is the same in every run."""

    items: Sequence[Axis | str]  # in the order of the overrides; a str is an override

    @property
    def axes(self) -> list[Axis]:
        """In an order that does not depend on that of the command line."""
        axes = [item for item in self.items if isinstance(item, Axis)]
        return sorted(axes, key=lambda axis: axis.name)

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {axis.name: axis.distribution for axis in self.axes}

    def overrides(self, proposed: Mapping[str, Any]) -> list[str]:
        """The overrides of a run with these values."""
        return [
            item if isinstance(item, str) else f"{item.key}={item.text(proposed[item.name])}"
            for item in self.items
        ]

    def values(self, proposed: Mapping[str, Any]) -> dict[str, Any]:
        return {axis.name: axis.value(proposed[axis.name]) for axis in self.axes}

    def grid(self) -> dict[str, list[Any]]:
        """Every value of each axis.

        Raises:
            ConfigError: an axis has no list of values.
        """
        endless = [axis.name for axis in self.axes if not axis.values]
        if endless:
            raise ConfigError(
                f"hydra/sweeper/sampler=grid: {', '.join(endless)}: an interval has no list of "
                "values; write a,b,c or range(...), or choose another sampler"
            )
        return {
            axis.name: list(axis.values)
            if isinstance(axis.distribution, CategoricalDistribution)
            else list(axis.values.values())
            for axis in self.axes
        }


def read_space(
    params: Mapping[str, Any], arguments: Sequence[str], config_loader: ConfigLoader
) -> Space:
    """The axes of the config, and those of the command line, which replace the former.

    Raises:
        ConfigError: an axis cannot be searched, or there is none.
    """
    parser = OverridesParser.create(config_loader=config_loader)
    found: dict[str, Override] = {}
    for line in [*(f"{key}={_text(value)}" for key, value in params.items()), *arguments]:
        override = parser.parse_override(line)
        name = override.get_key_element().lstrip("+~")
        found.pop(name, None)
        found[name] = override
    space = Space([_read(override) for override in found.values()])
    if not space.axes:
        raise ConfigError(
            "hydra/sweeper=optuna: nothing to search for; give at least one axis, as in "
            "'KEY=interval(0.1,0.9)' or KEY=a,b,c"
        )
    return space


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(override: Override) -> Axis | str:
    key = override.get_key_element()
    if not override.is_sweep_override():
        return key if override.is_delete() else f"{key}={override.get_value_element_as_str()}"
    if key.lstrip("+").split(".")[0] in SWEEP_GROUPS:
        raise ConfigError(f"{key}: an axis of runs cannot be a key of the sweep itself")
    try:
        return _axis(key, override)
    except ValueError as error:  # Optuna says which bound is wrong
        raise ConfigError(f"{override.input_line}: {error}") from error


def _axis(key: str, override: Override) -> Axis:
    sweep = override.value()
    tags = sweep.tags if isinstance(sweep, ChoiceSweep | RangeSweep | IntervalSweep) else set()
    is_log = "log" in tags
    if tags - {"log"}:
        raise ValueError(f"unknown tag {', '.join(sorted(tags - {'log'}))}; known: log")
    if isinstance(sweep, IntervalSweep):
        low, high = sweep.start, sweep.end
        if isinstance(low, int) and isinstance(high, int):
            return Axis(key, IntDistribution(low, high, log=is_log))
        assert low is not None
        assert high is not None
        return Axis(key, FloatDistribution(float(low), float(high), log=is_log))
    if isinstance(sweep, ChoiceSweep | RangeSweep):
        sweep.shuffle = False  # a resumed search needs the same order
    elements = list(override.sweep_iterator())
    if not elements:
        raise ValueError("an axis without values")
    if isinstance(sweep, RangeSweep):
        return _range(key, sweep, elements, is_log)
    if is_log:
        raise ValueError("tag(log, ...) is for a range or an interval")
    texts = list(override.sweep_string_iterator())
    if len(set(texts)) < len(texts):
        raise ValueError("a value is given twice")
    plain = [element.text if isinstance(element, QuotedString) else element for element in elements]
    return Axis(key, CategoricalDistribution(texts), dict(zip(texts, plain, strict=True)))


def _range(key: str, sweep: RangeSweep, elements: Sequence[Any], is_log: bool) -> Axis:
    low, high, step = min(elements), max(elements), abs(sweep.step)
    if is_log and step != 1:
        raise ValueError("a range on a logarithmic scale has no step")
    values = {repr(element): element for element in elements}
    if all(isinstance(element, int) for element in elements):
        return Axis(key, IntDistribution(low, high, log=is_log, step=int(step)), values)
    if is_log:
        raise ValueError("a range on a logarithmic scale has whole numbers; use an interval")
    return Axis(key, FloatDistribution(low, high, step=float(step)), values)
