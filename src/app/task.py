"""One run of a sweep: its config checked as any run's is, and its files in a folder of its own."""

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from app.config.compose import Composed, check
from app.config.names import conf_digest
from app.config.overrides import checked_overrides, is_axis
from app.config.tree import STUDIES
from app.durable.atomic import write_text
from app.studies import study_named
from app.sweep.application import Application, Description, config_key

CONF = Path(__file__).resolve().parents[2] / "conf"
CLASSES = ("light", "medium", "heavy")
EVERY_RUN_IMPORTS = (
    "app.settings",
    "app.pipeline_registry",
    "kedro.framework.context",
    "app.tracking.recording",
    "app.stages.runner",
)

log = logging.getLogger("app")


def run_task(composed: DictConfig) -> None:
    """What Hydra calls for one run; in a sweep, in a process of the run's own."""
    from app.run import run  # `--help` and `--cfg` need no Kedro

    job = HydraConfig.get()
    told = ", ".join(item.lstrip("+") for item in job.overrides.task)
    log.info("run %s: %s", job.job.id, told)
    checked = checked_config(composed, list(job.overrides.task), job.runtime.choices)
    _write_config(Path(checked.config.output_root), checked)
    run(checked)


def checked_config(
    composed: DictConfig, overrides: Sequence[str], choices: Mapping[Any, Any]
) -> Composed:
    """What Hydra composed, held against the schemas."""
    chosen = {str(group): str(choice) for group, choice in choices.items()}
    return check(composed, overrides, chosen, CONF)


class SuperiorApplication(Application):
    """What this program answers a sweep."""

    def check(self, composed: DictConfig) -> None:
        overrides = [item for item in composed.hydra.overrides.task if not is_axis(item)]
        checked_config(composed, overrides, composed.hydra.runtime.choices)

    def named(self, overrides: Sequence[str]) -> list[str]:
        return [override.removeprefix("++") for override in overrides]

    def overrides(self, named: Sequence[str]) -> list[str]:
        return checked_overrides(named, CONF)

    def describe(self, composed: DictConfig) -> Description:
        overrides = list(composed.hydra.overrides.task)
        checked = checked_config(composed, overrides, composed.hydra.runtime.choices)
        config = checked.config
        study = study_named(config.study)
        families = study.families(config)
        classes = [config.scheduler.class_of.get(family, "heavy") for family in families]
        return Description(
            key=config_key(checked.tree),
            kind=study.kind(config),
            resource=max(classes, key=CLASSES.index),
            families=tuple(families),
            seed=config.seed,
        )

    def fingerprint(self) -> str | None:
        return conf_digest(CONF)

    def warm(self, families: Sequence[str]) -> None:
        from app.run import make_ready

        modules = list(EVERY_RUN_IMPORTS)
        for study in map(study_named, STUDIES):
            for family in families:
                modules += study.WHAT_RUNS_IMPORT.get(family, ())
        for module in modules:
            import_module(module)
        make_ready()

    def smaller(
        self, composed: DictConfig, folder: Path, factor: float
    ) -> Mapping[str, Any] | None:
        """What the run's study changes to make its work smaller."""
        told = composed.hydra
        config = checked_config(composed, list(told.overrides.task), told.runtime.choices).config
        return study_named(config.study).smaller(config, folder, factor)

    def place(self, composed: DictConfig, folder: Path) -> None:
        with open_dict(composed):
            composed.output_root = str(folder)
            composed.hydra.sweep.dir = str(folder)
            composed.hydra.sweep.subdir = "."


def _write_config(folder: Path, checked: Composed) -> None:
    """The config the run has, beside its files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(checked.tree))))
