"""What proposes the trials: an Optuna sampler, with a seed, so that a resumed search proposes the
same ones."""

import inspect
from importlib import import_module
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from optuna.samplers import BaseSampler, GridSampler

from app.errors import ConfigError, MissingExtraError, causes, nearest
from hydra_plugins.superior_optuna_sweeper._space import Space

_KEY = "hydra.sweeper.sampler"


def make_sampler(told: DictConfig, config: DictConfig, space: Space) -> tuple[BaseSampler, int]:
    """The sampler, and the seed it got.

    Raises:
        ConfigError: there is no such sampler, it takes no seed, or an argument is wrong.
        MissingExtraError: a package it needs is not installed.
    """
    options = OmegaConf.to_container(told, resolve=True)
    if not isinstance(options, dict) or "_target_" not in options:
        raise ConfigError(f"{_KEY}: name a sampler, as in hydra/sweeper/sampler=tpe")
    target = str(options["_target_"])
    seed = options["seed"] = _seed(options.get("seed"), config)
    made_by = _find(target)
    _require_seed(made_by, target)
    if made_by is GridSampler:
        options.setdefault("search_space", space.grid())
    try:
        sampler = instantiate(options, _convert_="all")
    except InstantiationException as error:
        for cause in causes(error):
            if isinstance(cause, ImportError):
                raise MissingExtraError(f"{_KEY}: {target}: {cause}") from error
        said = str(error).strip().partition("\n")[0]
        raise ConfigError(f"{_KEY}: {said}") from error
    if not isinstance(sampler, BaseSampler):
        raise ConfigError(f"{_KEY}: {target} is no sampler of Optuna")
    return sampler, seed


def _find(target: str) -> Any:
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{_KEY}._target_={target}: {error}") from error
    except AttributeError as error:
        known = [one for one in dir(import_module(module)) if one.endswith("Sampler")]
        raise ConfigError(
            f"{_KEY}._target_={target}: no such sampler{nearest(name, known)}"
        ) from error


def _seed(told: Any, config: DictConfig) -> int:
    seed = told if told is not None else OmegaConf.select(config, "seed")
    if seed is None:
        return 0
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ConfigError(f"{_KEY}.seed={seed}: a seed is a whole number")
    return seed


def _require_seed(made_by: Any, target: str) -> None:
    taken = inspect.signature(made_by).parameters.values()
    if not any(one.name == "seed" or one.kind is one.VAR_KEYWORD for one in taken):
        raise ConfigError(
            f"{_KEY}: {target} takes no seed: a search with it would propose other trials when it "
            "is resumed; choose a sampler with a seed, as hydra/sweeper/sampler=tpe"
        )
