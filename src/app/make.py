"""`make run`: its variables, read from the environment, become overrides of the Hydra door.

The values never pass a shell, so that quotes, `;` and `$(...)` in them are just text.
"""

import os
import shlex
import sys

from app.__main__ import main
from app.console import errors_on_one_screen
from app.errors import ConfigError

_KEYS = {
    "PROFILE": "profile",
    "TRAIN_PROP": "split.train_prop",
    "BALANCE": "balance",
    "MODELS": "models",
}


def overrides(environment: dict[str, str]) -> list[str]:
    """The overrides that `make run`'s variables stand for.

    Raises:
        ConfigError: OVERRIDES has an unclosed quote.
    """
    stage = environment.get("STAGE") or "pipeline"
    chosen = [] if stage == "pipeline" else [f"pipeline={stage}"]
    chosen += [f"{key}={environment[name]}" for name, key in _KEYS.items() if environment.get(name)]
    try:
        return chosen + shlex.split(environment.get("OVERRIDES", ""))
    except ValueError as error:
        raise ConfigError(f"OVERRIDES={environment['OVERRIDES']}: {error}") from error


if __name__ == "__main__":
    with errors_on_one_screen():
        sys.argv[1:] = overrides(dict(os.environ))
    main()
