"""The Hydra door: `python -m app [overrides]` is one run, with `-m` a sweep."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import open_dict

from app.config.compose import check, check_axes, checked_overrides
from app.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONF = Path(__file__).resolve().parents[2] / "conf"


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def _job(composed: "DictConfig") -> None:
    """One job of Hydra: checks what it composed, and runs it."""
    from app.console import errors_on_one_screen  # `--help` and `--cfg` need no Kedro
    from app.run import run

    job = HydraConfig.get()
    if job.mode == RunMode.MULTIRUN:
        with open_dict(composed):
            composed.output_root = job.runtime.output_dir
    with errors_on_one_screen():  # here too: Hydra would add lines of its own to an error
        chosen = {str(group): str(choice) for group, choice in job.runtime.choices.items()}
        run(check(composed, list(job.overrides.task), chosen, CONF))


def main() -> None:
    """Runs the command line; ends the process with the exit code of the failure, if any."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # its errors reach us instead of being printed
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(CONF / "logging.yml"))  # read at import
    from app.console import errors_on_one_screen

    with errors_on_one_screen():
        sys.argv[1:] = _checked(sys.argv[1:])
        try:
            _job()
        except HydraException as error:
            raise ConfigError(str(error).strip()) from error


def _checked(arguments: list[str]) -> list[str]:
    """The arguments with the overrides among them checked; flags and their values stay."""
    overrides = [item for item in arguments if "=" in item and not item.startswith("-")]
    if {"-m", "--multirun"} & set(arguments):
        check_axes(overrides, CONF)
    ready = dict(zip(overrides, checked_overrides(overrides, CONF), strict=True))
    return [ready.get(item, item) for item in arguments]


if __name__ == "__main__":
    main()
