"""One run of a sweep: its config checked as any run's is, and its files in a folder of its own."""

import json
import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from app.config.compose import (
    Composed,
    check,
    checked_overrides,
    conf_digest,
    values_of,
)
from app.config.tree import Config
from app.durable.atomic import write_text
from app.sweep.application import Application, Description, config_key

CONF = Path(__file__).resolve().parents[2] / "conf"
CLASSES = ("light", "medium", "heavy")
WHAT_RUNS_IMPORT = {  # by family, besides what every run does
    "": (
        "app.settings",
        "app.pipeline_registry",
        "kedro.framework.context",
        "pyarrow.parquet",
        "app.tracking.recording",
        "app.stages.runner",
    ),
    "sklearn": (
        "pandas",
        "sklearn.feature_extraction.text",
        "sklearn.linear_model",
        "sklearn.naive_bayes",
        "sklearn.pipeline",
        "sklearn.svm",
        "skops.io",
        "app.pipelines.ideo.models.sklearn",
        "app.pipelines.ideo.models.skops_file",
    ),
    "spacy": ("spacy.pipeline.factories", "spacy.lang.fr", "app.pipelines.ideo.models.spacy"),
}

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
        overrides = [item for item in composed.hydra.overrides.task if "," not in item]
        checked_config(composed, overrides, composed.hydra.runtime.choices)

    def named(self, overrides: Sequence[str]) -> list[str]:
        return [override.removeprefix("++") for override in overrides]

    def overrides(self, named: Sequence[str]) -> list[str]:
        return checked_overrides(named, CONF)

    def describe(self, composed: DictConfig) -> Description:
        overrides = list(composed.hydra.overrides.task)
        checked = checked_config(composed, overrides, composed.hydra.runtime.choices)
        config = checked.config
        families = sorted({spec.family for spec in config.models.root.values()})
        classes = [config.scheduler.class_of.get(family, "heavy") for family in families]
        return Description(
            key=config_key(checked.tree),
            kind=f"{config.dataset.key()}/{config.view.name}/{'+'.join(families)}",
            resource=max(classes, key=CLASSES.index),
            families=tuple(families),
            seed=config.seed,
        )

    def fingerprint(self) -> str | None:
        return conf_digest(CONF)

    def warm(self, families: Sequence[str]) -> None:
        from app.run import make_ready

        for module in (
            name for family in ("", *families) for name in WHAT_RUNS_IMPORT.get(family, ())
        ):
            import_module(module)
        make_ready()

    def smaller(
        self, composed: DictConfig, folder: Path, factor: float
    ) -> Mapping[str, Any] | None:
        """`hardware.max_train_docs_*` of the run's families, times `factor`; of the documents it
        had to train on, where the cap was above them."""
        config = Config.model_validate(values_of(composed, throw_on_missing=True))
        seen = _training_documents(folder)
        changes = {}
        for family in sorted({spec.family for spec in config.models.root.values()}):
            cap = getattr(config.hardware, f"max_train_docs_{family}", None)
            if cap is not None:
                changes[f"hardware.max_train_docs_{family}"] = int(min(cap, seen or cap) * factor)
        return changes if changes and all(changes.values()) else None

    def place(self, composed: DictConfig, folder: Path) -> None:
        with open_dict(composed):
            composed.output_root = str(folder)
            composed.hydra.sweep.dir = str(folder)
            composed.hydra.sweep.subdir = "."


def _training_documents(folder: Path) -> int | None:
    """How many documents the run had prepared for training, if it came so far."""
    for file in folder.glob("interim/*/*/meta_view.json"):
        counted = json.loads(file.read_text(encoding="utf-8")).get("n_docs_train_balanced")
        if isinstance(counted, int):
            return counted
    return None


def _write_config(folder: Path, checked: Composed) -> None:
    """The config the run has, beside its files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(checked.tree))))
