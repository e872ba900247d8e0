"""Every file of conf/models and conf/hardware composes, and says what choosing it does."""

from pathlib import Path

import pytest

from app.config.compose import compose
from app.config.ideo.models import SklearnModel

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted(path.stem for path in (CONF / "models").glob("*.yaml"))
SETS = {"quick", "families", "sklearn_all", "spacy_quick"}
REFERENCE = {
    "tfidf_svm_quick",
    "tfidf_smo_linear",
    "tfidf_smo_quick",
    "tfidf_smo_rbf",
    "tfidf_perceptron",
    "tfidf_randomtree",
    "tfidf_decisiontree_quick",
    "tfidf_randomforest",
    "spacy_bow_quick",
    "spacy_cnn_debug",
    "spacy_cnn_quick",
    "spacy_cnn_full",
    "camembert_base",
    "flaubert_base_cased",
    "bert_mbert_quick",
    "check",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_one_model_of_its_name_or_a_set(name: str) -> None:
    assert (CONF / "models" / f"{name}.yaml").read_text().startswith("# ")
    models = compose([f"models={name}"], CONF).config.models.root
    assert list(models) == [name] if name not in SETS else len(models) > 1


def test_the_inventory_is_complete() -> None:
    assert set(FILES) >= REFERENCE | {"tfidf_logreg", "tfidf_nb"}


def test_several_models_are_chosen_together() -> None:
    chosen = compose(["models=[tfidf_svm_quick,spacy_bow_quick]"], CONF).config.models.root
    assert list(chosen) == ["tfidf_svm_quick", "spacy_bow_quick"]


def test_every_scikit_learn_model_has_the_inventory_s_terms() -> None:
    models = compose(["models=sklearn_all"], CONF).config.models.root
    for name, spec in models.items():
        assert isinstance(spec, SklearnModel)
        if name != "tfidf_logreg_balanced":  # it has its own, for short speeches
            tfidf = spec.tfidf
            assert (tfidf.ngram_min, tfidf.ngram_max) == (1, 2)
            assert (tfidf.max_features, tfidf.min_df) == (50_000, 5)


@pytest.mark.parametrize(
    ("name", "ram", "spacy", "sklearn", "hf"),
    [
        ("small", 8, 20_000, 100_000, 5_000),
        ("medium", 16, 50_000, 50_000, 20_000),
        ("lab", 64, 200_000, 200_000, 80_000),
    ],
)
def test_hardware_presets(name: str, ram: int, spacy: int, sklearn: int, hf: int) -> None:
    hardware = compose([f"hardware={name}"], CONF).config.hardware
    assert hardware.ram_gb == ram
    assert hardware.max_train_docs_spacy == spacy
    assert hardware.max_train_docs_sklearn == sklearn
    assert hardware.max_train_docs_hf == hf
