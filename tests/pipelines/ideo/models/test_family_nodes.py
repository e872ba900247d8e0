import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from small_study import (
    IDENTITY,
    SPLIT,
    Study,
    accuracy,
    contents,
    documents,
    hardware,
    models,
)

from app.datasets.models import ModelsDataset
from app.datasets.predictions import PredictionsDataset
from app.errors import ConfigError, InputError, StaleInputError
from app.pipelines.ideo import train
from app.pipelines.ideo.models import load_model

CHECK = {"family": "check"}
SVM = {"family": "sklearn", "tfidf": {"min_df": 2}, "estimator": {"name": "linear_svc"}}
TOO_RARE = {**SVM, "tfidf": {"min_df": 5000}}
FAMILIES = ("check", "sklearn", "spacy", "hf")


def catalog(study: Study) -> DataCatalog:
    """The catalog of the stage `train`, over the files of a prepared study."""
    return DataCatalog(
        {
            "sklearn_table": study.table,
            "spacy_shards": study.shards,
            "hf_rows": study.rows,
            **{
                f"{family}_models": ModelsDataset(str(study.folder / "models" / family))
                for family in FAMILIES
            },
            **{
                name: MemoryDataset(value)
                for name, value in {
                    "meta_view": study.view,
                    "meta_formats": study.formats,
                    "identity": IDENTITY,
                    "params:models": study.models,
                    "params:hardware": study.hardware,
                    "params:split": SPLIT,
                    "params:seed": 7,
                }.items()
            },
        }
    )


def stage() -> Any:
    return train.create_pipeline().only_nodes(*(f"train_{family}" for family in FAMILIES))


def test_the_stage_trains_the_configured_families_and_no_other(tmp_path: Path) -> None:
    study = Study(tmp_path, models(check=CHECK, svm=SVM))
    SequentialRunner().run(stage(), catalog(study))
    saved = {file.parent.relative_to(tmp_path) for file in tmp_path.rglob("model_card.json")}
    assert saved == {Path("models/check/check"), Path("models/sklearn/svm")}
    assert study.predicted("spacy") == study.predicted("hf") == {}


def test_a_model_is_on_disk_before_the_next_is_trained(tmp_path: Path) -> None:
    # Kedro saves each item of a node that is a generator before it asks for the next.
    study = Study(tmp_path, models(first=SVM, second=TOO_RARE))
    with pytest.raises(ConfigError, match="second"):
        SequentialRunner().run(stage(), catalog(study))
    assert list(ModelsDataset(str(tmp_path / "models" / "sklearn")).load()) == ["first"]


def test_no_model_looks_at_the_job_side(tmp_path: Path, tiny_bert: Path) -> None:
    """spaCy's best model was chosen on the test set in the earlier system: here another job side,
    its labels turned round, leaves every byte of every model."""
    bow = {"family": "spacy", "architecture": "bow", "epochs": 3, "learn_rate": 0.01}
    hf = {"family": "hf", "pretrained": str(tiny_bert), "epochs": 2, "learning_rate": 0.01}
    models_of = []
    for name in ("one", "other"):
        study = Study(tmp_path / name, models(svm=SVM, bow=bow, hf=hf))
        if name == "other":
            turned = study.job["label"].replace({"left": "right", "right": "left"})
            study.job = documents(60, 99, "k").with_columns(label=turned)
            study.save_formats()
        chosen = [("sklearn", "svm"), ("spacy", "bow"), ("hf", "hf")]
        models_of.append([contents(study.trained(family)[name].path) for family, name in chosen])
    assert models_of[0] == models_of[1]


def test_check_counts_and_predicts_the_majority(tmp_path: Path) -> None:
    study = Study(tmp_path, models(check=CHECK, svm=SVM))
    folder = study.trained("check")["check"]
    assert folder.card["formats"]["sklearn"]["n_docs"] == {"train": 200, "job": 60}
    table = study.predicted("check")["check"]
    assert set(table["predicted"]) == {"right"}
    assert set(table["score"]) == {0.75}
    assert accuracy(table) == 0.75
    assert load_model(folder.path).predict(["a", "b"]) == ["right", "right"]


def test_caps_of_the_hardware_are_on_the_card(tmp_path: Path) -> None:
    study = Study(tmp_path, models(svm=SVM), hardware(max_train_docs_sklearn=100))
    card = study.trained("sklearn")["svm"].card
    assert (card["n_train_docs"], card["capped_from"]) == (100, 200)


@pytest.mark.parametrize("what", ["view", "formats"])
def test_files_of_another_preparation_are_refused(tmp_path: Path, what: str) -> None:
    study = Study(tmp_path, models(check=CHECK, svm=SVM))
    other = {**IDENTITY, "hash": "h2", "config": {"seed": 2}}
    setattr(study, what, {**getattr(study, what), "identity": other})
    for family in ("check", "sklearn"):
        with pytest.raises(StaleInputError, match=f"meta_{what}.json"):
            study.trained(family)


def test_models_of_another_config_are_not_used(tmp_path: Path) -> None:
    study = Study(tmp_path, models(svm=SVM))
    with pytest.raises(StaleInputError, match="svm has not been trained"):
        study.predicted("sklearn")
    study.trained("sklearn")
    study.models = models(svm={**SVM, "estimator": {"name": "perceptron"}})
    with pytest.raises(StaleInputError, match="another estimator"):
        study.predicted("sklearn")


def test_models_trained_earlier_are_left_but_not_predicted_with(tmp_path: Path) -> None:
    study = Study(tmp_path, models(old=SVM, kept=SVM))
    study.trained("sklearn")
    study.models = models(kept=SVM)
    assert list(study.trained("sklearn")) == ["kept", "old"]
    assert list(study.predicted("sklearn")) == ["kept"]


def test_predictions_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    study = Study(tmp_path, models(one=SVM, two=SVM))
    study.trained("sklearn")
    saved = PredictionsDataset(str(tmp_path / "predictions"))
    saved.save(study.predicted("sklearn"))
    assert list(saved.load()) == ["one", "two"]
    study.models = models(two=SVM)
    saved.save(study.predicted("sklearn"))
    assert list(saved.load()) == ["two"]
    saved.save({})
    assert saved.load() == {}


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model"):
        load_model(tmp_path)
    (tmp_path / "model_card.json").write_text('{"family": "sklaern"}')
    with pytest.raises(InputError, match="did you mean 'sklearn'"):
        load_model(tmp_path)


def test_wiring_and_unconfigured_families_import_no_library() -> None:
    heavy = "('sklearn', 'scipy', 'skops', 'spacy', 'thinc', 'torch', 'transformers')"
    code = f"""
import sys
import app.pipelines.ideo.train as train
from app.config.ideo.models import Models
from app.pipelines.ideo import fit, predict
train.create_pipeline()
models = Models.model_validate({{"check": {{"family": "check"}}}})
assert list(fit.train_sklearn({{}}, {{}}, {{}}, models, None, 1, {{}})) == []
assert list(fit.train_spacy({{}}, {{}}, {{}}, models, None, None, 1, {{}})) == []
assert list(fit.train_hf({{}}, {{}}, {{}}, models, None, None, 1, {{}})) == []
assert predict.predict_sklearn({{}}, {{}}, models, None, {{}}) == {{}}
assert predict.predict_spacy({{}}, {{}}, models, None, {{}}) == {{}}
assert predict.predict_hf({{}}, {{}}, models, None, {{}}) == {{}}
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
