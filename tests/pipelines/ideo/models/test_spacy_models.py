from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_study import Study, accuracy, contents, has_pickle, models

from app.errors import StaleInputError
from app.pipelines.ideo.models import load_model

BOW = {"family": "spacy", "architecture": "bow", "epochs": 6, "eval_steps": 5, "learn_rate": 0.01}
CNN = {**BOW, "architecture": "cnn", "epochs": 3, "learn_rate": 0.003}


@pytest.mark.parametrize("spec", [BOW, CNN], ids=["bow", "cnn"])
def test_it_learns_is_saved_without_pickle_and_predicts_the_same(tmp_path: Path, spec: Any) -> None:
    study = Study(tmp_path, models(model=spec))
    folder = study.trained("spacy")["model"]
    table = study.predicted("spacy")["model"]
    assert accuracy(table) > 0.9  # the majority is 0.75
    assert table["score"].is_between(0.5, 1.0).all()
    assert not has_pickle(folder.path)
    direct = load_model(folder.path).predict(study.job["text"].to_list())
    assert direct == table["predicted"].to_list()


def test_the_card_tells_how_dev_was_used(tmp_path: Path) -> None:
    study = Study(tmp_path, models(model=BOW))
    card = study.trained("spacy")["model"].card
    assert card["language"] == "fr"
    assert (card["n_train_docs"], card["n_dev_docs"]) == (200, 40)
    history = card["history"]
    assert {look["epoch"] for look in history} == set(range(1, 7))  # also at each epoch's end
    best = max(history, key=lambda look: look["dev_macro_f1"])
    assert card["best_step"] == best["step"]


@pytest.mark.parametrize("spec", [BOW, CNN], ids=["bow", "cnn"])
def test_same_seed_same_bytes_across_processes(
    hash_in_process: Callable[[str, Any, str], str], spec: Any
) -> None:
    assert hash_in_process("spacy", spec, "1") == hash_in_process("spacy", spec, "2")


def test_models_trained_before_do_not_change_a_model(tmp_path: Path) -> None:
    alone = Study(tmp_path / "alone", models(model=CNN))
    after = Study(tmp_path / "after", models(first=BOW, model=CNN))
    assert contents(alone.trained("spacy")["model"].path) == contents(
        after.trained("spacy")["model"].path
    )


@pytest.mark.parametrize("spec", [BOW, CNN], ids=["bow", "cnn"])
def test_another_seed_gives_other_weights(tmp_path: Path, spec: Any) -> None:
    study = Study(tmp_path, models(model=spec))
    weights = "pipeline/textcat/model"
    one = contents(study.trained("spacy", seed=1, place="one")["model"].path)
    two = contents(study.trained("spacy", seed=2, place="two")["model"].path)
    assert one[weights] != two[weights]


@pytest.mark.parametrize(
    ("base", "change"),
    [
        (BOW, {"epochs": 1}),
        (BOW, {"dropout": 0.5}),
        (CNN, {"dropout": 0.5}),
        (BOW, {"learn_rate": 0.001}),
        (BOW, {"ngram_size": 2}),
        (BOW, {"batch_start": 20}),
        (BOW, {"batch_stop": 120, "batch_start": 110}),
        (BOW, {"batch_compound": 1.5}),
    ],
)
def test_options_change_the_model(tmp_path: Path, base: Any, change: dict[str, Any]) -> None:
    study = Study(
        tmp_path, models(base={**base, "epochs": 2}, changed={**base, "epochs": 2, **change})
    )
    folders = study.trained("spacy")
    weights = "pipeline/textcat/model"
    base_weights = contents(folders["base"].path)[weights]
    assert base_weights != contents(folders["changed"].path)[weights]


def test_patience_is_in_steps(tmp_path: Path) -> None:
    long = {**BOW, "epochs": 60}
    study = Study(tmp_path, models(waits={**long, "patience": 40}, never={**long, "patience": 0}))
    cards = {name: folder.card for name, folder in study.trained("spacy").items()}
    last = cards["waits"]["history"][-1]["step"]
    assert 40 <= last - cards["waits"]["best_step"] < 40 + 5
    assert cards["never"]["history"][-1]["epoch"] == 60


def test_looks_come_every_eval_steps(tmp_path: Path) -> None:
    study = Study(
        tmp_path, models(often={**BOW, "eval_steps": 3}, rarely={**BOW, "eval_steps": 900})
    )
    cards = {name: folder.card for name, folder in study.trained("spacy").items()}
    assert len(cards["rarely"]["history"]) == 6
    assert len(cards["often"]["history"]) > 12


def test_a_family_that_was_not_prepared_is_refused(tmp_path: Path) -> None:
    study = Study(tmp_path, models(check={"family": "check"}))
    study.models = models(model=BOW)
    with pytest.raises(StaleInputError, match="prepare"):
        study.trained("spacy")
