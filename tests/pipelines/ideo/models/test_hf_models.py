from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_study import Study, accuracy, contents, has_pickle, models

from app.errors import InputError
from app.pipelines.ideo.models import load_model


@pytest.fixture
def base(tiny_bert: Path) -> dict[str, Any]:
    return {
        "family": "hf",
        "pretrained": str(tiny_bert),
        "learning_rate": 0.01,
        "batch_size": 16,
        "epochs": 4,
        "warmup_ratio": 0.1,
    }


def test_it_learns_is_saved_as_safetensors_and_predicts_the_same(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    study = Study(tmp_path, models(model=base))
    folder = study.trained("hf")["model"]
    table = study.predicted("hf")["model"]
    assert accuracy(table) > 0.9  # the majority is 0.75
    assert (folder.path / "transformer" / "model.safetensors").exists()
    assert not has_pickle(folder.path)
    again = load_model(folder.path).predict_scored(study.job["text"].to_list())
    assert again[0] == table["predicted"].to_list()
    assert again[1] == table["score"].to_list()
    assert len(folder.card["history"]) == 4
    assert folder.card["n_dev_docs"] == 40


def test_same_seed_same_bytes_across_processes(
    hash_in_process: Callable[[str, Any, str], str], base: dict[str, Any]
) -> None:
    spec = {**base, "epochs": 1}
    assert hash_in_process("hf", spec, "1") == hash_in_process("hf", spec, "2")


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.001},
        {"batch_size": 8},
        {"epochs": 1},
        {"warmup_ratio": 0.9},
        {"weight_decay": 0.5},
        {"max_length": 8},
        {"class_weight": "balanced"},
    ],
)
def test_every_option_changes_the_model(
    tmp_path: Path, base: dict[str, Any], change: dict[str, Any]
) -> None:
    short = {**base, "epochs": 2}
    study = Study(tmp_path, models(base=short, changed={**short, **change}), n_train=80)
    folders = study.trained("hf")
    weights = "transformer/model.safetensors"
    plain = contents(folders["base"].path)[weights]
    assert plain != contents(folders["changed"].path)[weights]


def test_another_seed_gives_other_weights(tmp_path: Path, base: dict[str, Any]) -> None:
    study = Study(tmp_path, models(model={**base, "epochs": 1}), n_train=80)
    weights = "transformer/model.safetensors"
    one = contents(study.trained("hf", seed=1, place="one")["model"].path)
    two = contents(study.trained("hf", seed=2, place="two")["model"].path)
    assert one[weights] != two[weights]


def test_patience_is_in_epochs(tmp_path: Path, base: dict[str, Any]) -> None:
    study = Study(tmp_path, models(model={**base, "epochs": 30, "patience": 2}))
    card = study.trained("hf")["model"].card
    assert card["history"][-1]["epoch"] == card["best_epoch"] + 2 < 30


def test_a_pretrained_model_that_is_not_there_names_the_key(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    study = Study(tmp_path, models(model={**base, "pretrained": str(absent)}))
    with pytest.raises(InputError, match=r"models\.model\.pretrained"):
        study.trained("hf")
