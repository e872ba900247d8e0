"""Settings of the sweeper that no schema checks."""

from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig, OmegaConf

from app.errors import ConfigError

if TYPE_CHECKING:
    from hydra_plugins.superior_optuna_sweeper.sweeper import OptunaSweeper

Direction = Literal["minimize", "maximize"]


def require_possible(sweeper: "OptunaSweeper") -> None:
    """Raises ConfigError for a setting that allows no search."""
    for key in ("n_trials", "n_jobs"):
        if getattr(sweeper, key) < 1:
            raise ConfigError(f"hydra.sweeper.{key}={getattr(sweeper, key)}: at least 1")
    if not 0 <= sweeper.max_failure_rate <= 1:
        raise ConfigError(
            f"hydra.sweeper.max_failure_rate={sweeper.max_failure_rate}: a share, from 0 to 1"
        )


def directions_of(told: Any, config: DictConfig) -> list[Direction]:
    """What `hydra.sweeper.direction` says; where it says nothing, superior.objective is maximized.

    Raises:
        ConfigError: no such direction; or the program has no objective, and none is said.
    """
    if told is None:
        if OmegaConf.select(config, "superior.objective") is not None:
            return ["maximize"]
        raise ConfigError("hydra.sweeper.direction: say whether to minimize or to maximize")
    names = [told] if isinstance(told, str) else list(told)
    if not names or not set(names) <= {"minimize", "maximize"}:
        raise ConfigError(f"hydra.sweeper.direction={told}: minimize, maximize, or a list of these")
    return ["minimize" if name == "minimize" else "maximize" for name in names]
