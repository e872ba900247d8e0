"""The Hydra door: `python -m app [overrides]` is one run, with `-m` a sweep."""

import gc

gc.set_threshold(50_000)  # imports make many objects and no garbage: a tenth of start-up

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import open_dict

from app import completion
from app.config.compose import (
    UNREADABLE,
    Composed,
    check,
    check_axes,
    checked_overrides,
    compose,
    reason,
)
from app.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

log = logging.getLogger("app")
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
    try:
        _job()
    except UNREADABLE as error:
        raise ConfigError(reason(error, CONF)) from error


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def _job(composed: "DictConfig") -> None:
    """One job of a sweep: checks what Hydra composed, and runs it on files of its own."""
    from app.console import errors_on_one_screen

    job = HydraConfig.get()
    if job.mode == RunMode.MULTIRUN:
        with open_dict(composed):
            composed.output_root = job.runtime.output_dir
    with errors_on_one_screen():  # here too: Hydra would add lines of its own to an error
        if job.mode == RunMode.MULTIRUN:
            told = ", ".join(item.removeprefix("++") for item in job.overrides.task)
            log.info("run %s of the sweep: %s", job.job.num + 1, told)
        chosen = {str(group): str(choice) for group, choice in job.runtime.choices.items()}
        _run(check(composed, list(job.overrides.task), chosen, CONF))


def _checked(arguments: list[str]) -> list[str]:
    """The arguments with the overrides among them checked; flags and their values stay."""
    overrides = [item for item in arguments if "=" in item and not item.startswith("-")]
    if {"-m", "--multirun"} & set(arguments):
        check_axes(overrides, CONF)
    ready = dict(zip(overrides, checked_overrides(overrides, CONF), strict=True))
    return [ready.get(item, item) for item in arguments]


if __name__ == "__main__":
    main()
