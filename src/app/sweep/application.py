"""What a sweep asks of the program whose runs it makes. Any Hydra program will do: `Application`
has an answer to everything; a program that knows its config gives better ones.

    hydra.launcher.application: app.task:SuperiorApplication
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from app.config.compose import values_of

OWN_GROUPS = ("superior", "scheduler", "tracking")  # they change no result
OWN_KEYS = ("output_root",)


@dataclass(frozen=True)
class Description:
    """What the plan needs to know of one composed config."""

    key: str  # of everything that can change the run's results
    kind: str = "run"  # runs of one kind need about the same memory and time
    resource: str = "light"
    families: tuple[str, ...] = ()
    seed: int | None = None  # of the config; None where it has no key `seed`


class Application:
    """The answers for a Hydra program nothing is known of."""

    def check(self, composed: DictConfig) -> None:
        """Looks at the config of the sweep itself, without its axes. Raises ConfigError."""

    def named(self, overrides: Sequence[str]) -> list[str]:
        """The overrides of a run as the plan tells them, and knows the run by."""
        return list(overrides)

    def overrides(self, named: Sequence[str]) -> list[str]:
        """The same in the form in which they are composed."""
        return list(named)

    def describe(self, composed: DictConfig) -> Description:
        """`composed` holds the node `hydra`. Raises ConfigError for a config that cannot run."""
        values = values_of(composed)
        seed = values.get("seed")
        return Description(config_key(values), seed=seed if isinstance(seed, int) else None)

    def fingerprint(self) -> str | None:
        """Changes when the same overrides may compose another config; None: they always may."""
        return None

    def warm(self, families: Sequence[str]) -> None:
        """Does once, in the process that runs are forked from, what each of them would do first:
        imports above all. It must start no thread."""

    def smaller(
        self, composed: DictConfig, folder: Path, factor: float
    ) -> Mapping[str, Any] | None:
        """The values (key -> value) that make a run whose files are in `folder` smaller by
        `factor`; None where the program has no such keys."""
        return None

    def place(self, composed: DictConfig, folder: Path) -> None:
        """Makes the run write its files to `folder`; Hydra's output directory is there already."""


def config_key(values: Mapping[Any, Any]) -> str:
    """32 hex digits for the resolved config, without what changes no result."""
    kept = {key: value for key, value in values.items() if key not in (*OWN_GROUPS, *OWN_KEYS)}
    content = json.dumps(kept, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
