import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_study import Study, accuracy, contents, has_pickle, models

from app.errors import ConfigError, InputError
from app.pipelines.ideo.models import load_model

TFIDF = {"min_df": 2, "max_features": 500}
ESTIMATORS: dict[str, dict[str, Any]] = {
    "svm": {"name": "linear_svc"},
    "rbf": {"name": "rbf_svc"},
    "perceptron": {"name": "perceptron"},
    "logreg": {"name": "logistic_regression"},
    "nb": {"name": "complement_nb"},
    "tree": {"name": "decision_tree", "splitter": "random"},
    "forest": {"name": "random_forest", "n_estimators": 20},
}
LINEAR = {"svm", "perceptron", "logreg", "nb"}


def spec(estimator: str = "svm", tfidf: dict[str, Any] | None = None, **options: Any) -> Any:
    return {
        "family": "sklearn",
        "tfidf": {**TFIDF, **(tfidf or {})},
        "estimator": {**ESTIMATORS[estimator], **options},
    }


def test_every_estimator_learns_is_saved_without_pickle_and_predicts_the_same(
    tmp_path: Path,
) -> None:
    study = Study(tmp_path, models(**{name: spec(name) for name in ESTIMATORS}))
    folders = study.trained("sklearn")
    predictions = study.predicted("sklearn")
    assert list(predictions) == list(ESTIMATORS)
    for name, table in predictions.items():
        assert accuracy(table) > 0.8, name  # the majority is 0.75
        assert not has_pickle(folders[name].path)
        direct = load_model(folders[name].path).predict(study.job["text"].to_list())
        assert direct == table["predicted"].to_list()
        assert (folders[name].path / "features.json").exists() == (name in LINEAR)
    assert sum(accuracy(table) > 0.95 for table in predictions.values()) >= len(LINEAR)


def test_score_is_that_of_the_predicted_label(tmp_path: Path) -> None:
    study = Study(tmp_path, models(svm=spec("svm"), logreg=spec("logreg")))
    study.trained("sklearn")
    tables = study.predicted("sklearn")
    assert (tables["svm"]["score"] >= 0).all()  # distance to the side it is on
    assert tables["logreg"]["score"].is_between(0.0, 1000.0).all()


def test_same_seed_same_bytes_across_processes(
    hash_in_process: Callable[[str, Any, str], str],
) -> None:
    forest = spec("forest")
    assert hash_in_process("sklearn", forest, "1") == hash_in_process("sklearn", forest, "2")


def test_the_seed_reaches_the_estimator(tmp_path: Path) -> None:
    study = Study(tmp_path, models(forest=spec("forest")))
    one = contents(study.trained("sklearn", seed=1, place="one")["forest"].path)
    two = contents(study.trained("sklearn", seed=2, place="two")["forest"].path)
    assert one["model.skops"] != two["model.skops"]


@pytest.mark.parametrize(
    "changed",
    [
        spec(C=0.001),
        spec(class_weight="balanced", C=0.001),
        spec(tfidf={"ngram_max": 1}),
        spec(tfidf={"min_df": 20}),
        spec(tfidf={"max_features": 30}),
        spec(tfidf={"sublinear_tf": True}),
    ],
)
def test_options_change_the_model(tmp_path: Path, changed: Any) -> None:
    study = Study(tmp_path, models(base=spec(), changed=changed))
    folders = study.trained("sklearn")
    base, other = (contents(folders[name].path)["model.skops"] for name in ("base", "changed"))
    assert base != other


def test_balanced_weights_move_the_boundary_towards_the_rare_label(tmp_path: Path) -> None:
    soft = {"C": 0.001}  # so soft that the majority wins unless told otherwise
    study = Study(
        tmp_path, models(plain=spec(**soft), weighted=spec(class_weight="balanced", **soft))
    )
    folders = study.trained("sklearn")
    assert folders["plain"].card["class_weights"] is None
    assert folders["weighted"].card["class_weights"] == {"left": 2.0, "right": pytest.approx(2 / 3)}
    said = {
        name: table["predicted"].to_list() for name, table in study.predicted("sklearn").items()
    }
    assert said["plain"].count("left") < said["weighted"].count("left")


def test_weights_of_the_balance_are_used(tmp_path: Path) -> None:
    study = Study(tmp_path, models(told=spec(class_weight="from_balance", C=0.001)))
    study.view["label_weights"] = {"left": 9.0, "right": 0.1}
    folders = study.trained("sklearn")
    assert folders["told"].card["class_weights"] == {"left": 9.0, "right": 0.1}
    assert set(study.predicted("sklearn")["told"]["predicted"]) == {"left"}


def test_features_name_the_telling_words_of_both_labels(tmp_path: Path) -> None:
    study = Study(tmp_path, models(svm=spec(tfidf={"ngram_max": 1})))
    folder = study.trained("sklearn")["svm"].path
    features = json.loads((folder / "features.json").read_text("utf-8"))
    assert {term for term, _ in features["left"][:3]} == {"égalité", "services", "publics"}
    assert {term for term, _ in features["right"][:3]} == {"ordre", "mérite", "propriété"}
    weights = [weight for _, weight in features["left"]]
    assert weights == sorted(weights, reverse=True)


def test_min_df_above_the_corpus_names_the_key(tmp_path: Path) -> None:
    study = Study(tmp_path, models(svm=spec(tfidf={"min_df": 500})))
    with pytest.raises(ConfigError, match=r"models\.svm\.tfidf\.min_df=500"):
        study.trained("sklearn")


def test_a_model_file_of_another_make_is_not_loaded(tmp_path: Path) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    study = Study(tmp_path, models(svm=spec()))
    folder = study.trained("sklearn")["svm"].path
    skops.io.dump([FunctionTransformer(json.loads), 1], folder / "model.skops")
    with pytest.raises(InputError, match="not loaded"):
        load_model(folder)
    (folder / "model.skops").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="damaged"):
        load_model(folder)


def test_a_tree_whose_indices_leave_it_is_not_loaded(tmp_path: Path) -> None:
    from app.pipelines.ideo.models.skops_file import read_skops, write_skops

    study = Study(tmp_path, models(tree=spec("tree")))
    file = study.trained("sklearn")["tree"].path / "model.skops"
    tfidf, estimator = read_skops(file)
    estimator.tree_.children_left[0] = 10**6
    write_skops([tfidf, estimator], file)
    with pytest.raises(InputError, match="child"):
        read_skops(file)
