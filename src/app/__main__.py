"""The Hydra door: `python -m app [overrides]` is one run, with `-m` a sweep."""

import atexit
import gc

gc.set_threshold(50_000)  # imports make many objects and no garbage: a tenth of start-up
atexit.register(gc.freeze)  # the interpreter's last look for garbage took half a second and more

import logging
import logging.config
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
import yaml

from app import completion
from app.config.compose import UNREADABLE, Composed, compose, reason
from app.config.names import sweep_name
from app.config.overrides import checked_overrides
from app.config.settings import with_settings
from app.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONF = Path(__file__).resolve().parents[2] / "conf"


def main() -> None:
    """Runs the command line; ends the process with the exit code of the failure, if any."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # its errors reach us instead of being printed
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(CONF / "logging.yml"))  # read at import
    from app.console import errors_on_one_screen

    with errors_on_one_screen():
        arguments = sys.argv[1:]
        if not any(argument.startswith("-") for argument in arguments):
            _run(compose(arguments, CONF))
        elif completion.FLAGS & set(arguments):
            script = completion.answer(arguments)
            sys.stdout.write(script) if script is not None else _hydra(arguments)
        else:
            _hydra(_checked(arguments))


def _run(composed: Composed) -> None:
    from app.run import run  # `--help` and `--cfg` need no Kedro

    run(composed)


def _hydra(arguments: list[str]) -> None:
    """Sweeps and flags, as Hydra does them."""
    sys.argv[1:] = arguments
    told = yaml.safe_load((CONF / "logging.yml").read_text(encoding="utf-8"))
    logging.config.dictConfig(told)  # a sweep's own process has no Kedro to do it
    try:
        _job()
    except UNREADABLE as error:
        raise ConfigError(reason(error, CONF)) from error


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def _job(composed: "DictConfig") -> None:
    """What Hydra calls: for a flag that needs the config, and for each run of a sweep."""
    from app.task import run_task

    run_task(composed)


def _checked(arguments: list[str]) -> list[str]:
    """Flags and their values as they are, then the overrides, checked: they may bring others."""
    told = [item for item in arguments if "=" in item and not item.startswith("-")]
    flags = [item for item in arguments if item not in told]
    overrides = with_settings(told, CONF)
    checked = [*flags, *checked_overrides(overrides, CONF)]
    if {"-m", "--multirun"} & set(arguments):
        if "--dry-run" in checked:
            checked[checked.index("--dry-run")] = "superior.dry_run=true"
        if not any(item.lstrip("+").startswith("superior.exp_id=") for item in overrides):
            checked.append(f"++superior.exp_id={sweep_name(overrides, CONF)}")
    return checked


if __name__ == "__main__":
    main()
