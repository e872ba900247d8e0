"""What this program answers a sweep about its config: keys, kinds, classes, and smaller work."""

from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from app.config.compose import check
from app.errors import ConfigError
from app.run import run
from app.sweep.ledger import RunState
from app.sweep.plan import seeded
from app.task import CONF, SuperiorApplication

APPLICATION = SuperiorApplication()
PREPARE = ["pipeline=prepare", "tracking=off"]


def composed(*overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose(
            "config", APPLICATION.overrides([*PREPARE, *overrides]), return_hydra_config=True
        )


def key(*overrides: str) -> str:
    return APPLICATION.describe(composed(*overrides)).key


def test_a_key_changes_with_what_can_change_a_result_and_with_nothing_else() -> None:
    same = key("models=tfidf_nb")
    assert key("models=tfidf_nb", "balance=none", "output_root=there") == same
    assert key("models=tfidf_nb", "superior.parallel=2", "scheduler.max_ram_gb=3") == same
    assert key("models=tfidf_logreg") != same
    assert key("models=tfidf_nb", "seed=1") != same
    assert key("models=tfidf_nb", "filters.min_chars=90") != same


@pytest.mark.parametrize(
    ("models", "resource", "families"),
    [
        ("check", "light", ("check",)),
        ("[check,spacy_bow_quick,tfidf_nb]", "medium", ("check", "sklearn", "spacy")),
        ("[camembert_base,tfidf_nb]", "heavy", ("hf", "sklearn")),
    ],
)
def test_a_run_has_the_heaviest_class_of_its_families(
    models: str, resource: str, families: tuple[str, ...]
) -> None:
    described = APPLICATION.describe(composed(f"models={models}"))
    assert described.resource == resource
    assert described.families == families
    assert described.kind == f"web1/ideology_global/{'+'.join(families)}"


def test_a_wrong_value_is_told_when_the_run_is_planned() -> None:
    with pytest.raises(ConfigError, match=r"split\.train_prop"):
        APPLICATION.describe(composed("split.train_prop=1.5"))


def test_smaller_work_is_a_share_of_what_there_was_to_train_on(tmp_path: Path) -> None:
    config = composed("models=[tfidf_nb,check]")
    APPLICATION.place(config, tmp_path)
    run(check(config, [], config.hydra.runtime.choices, CONF))
    change = APPLICATION.smaller(config, tmp_path, 0.5)
    assert change is not None
    (cap,) = change.values()
    assert list(change) == ["hardware.max_train_docs_sklearn"]
    assert 300 < cap < 500, "half of some 850 documents, not half of a cap far above them"
    state = RunState("r", 0, "k", 0, 7, [], {}, "kind", "light", [], changes=[dict(change)])
    smaller = seeded(config, state)
    assert smaller.hardware.max_train_docs_sklearn == cap
    assert f"++hardware.max_train_docs_sklearn={cap}" in smaller.hydra.overrides.task
    assert APPLICATION.smaller(smaller, tmp_path, 0.5) == {
        "hardware.max_train_docs_sklearn": cap // 2
    }


def test_work_that_cannot_be_made_smaller_is_not(tmp_path: Path) -> None:
    assert APPLICATION.smaller(composed("models=check"), tmp_path, 0.5) is None


def test_a_repeat_has_its_seed_in_config_and_overrides() -> None:
    run_state = RunState("r", 0, "k", 1, 633200935, [], {}, "kind", "light", [])
    config = seeded(composed("models=check"), run_state)
    assert config.seed == 633200935
    assert "++seed=633200935" in config.hydra.overrides.task
