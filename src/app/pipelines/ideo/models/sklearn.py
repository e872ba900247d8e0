"""Family `sklearn`: TF-IDF of word n-grams, and one estimator.

Joachims (1998), Text categorization with support vector machines; Rennie et al. (2003) for
complement naive Bayes. Saved with skops, beside the terms that weigh most for each label where
the estimator is linear.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.config.ideo.models import (
    ComplementNB,
    DecisionTree,
    Estimator,
    LinearSvc,
    LogisticRegression,
    Perceptron,
    RandomForest,
    RbfSvc,
    SklearnModel,
    Tfidf,
)
from app.datasets.models import TrainedModel
from app.errors import ConfigError
from app.pipelines.ideo.models.skops_file import read_skops, write_skops
from app.pipelines.ideo.models.threads import pinned_threads
from app.pipelines.ideo.models.training_set import TrainingSet

PACKAGES = ("scikit-learn", "scipy", "numpy", "skops")
TOP_TERMS = 50  # kept for each label
BATCH = 10_000  # texts predicted at once

_MODEL, FEATURES = "model.skops", "features.json"


@dataclass(frozen=True)
class SklearnPredictor:
    """A fitted TF-IDF and estimator."""

    labels: list[str]
    tfidf: Any
    estimator: Any
    threads: int

    def predict(self, texts: Sequence[str]) -> list[str]:
        return self.predict_scored(texts)[0]

    def predict_scored(self, texts: Sequence[str]) -> tuple[list[str], list[float]]:
        predicted: list[str] = []
        scores: list[float] = []
        with pinned_threads(self.threads):
            for start in range(0, len(texts), BATCH):
                features = self.tfidf.transform(texts[start : start + BATCH])
                batch = self.estimator.predict(features)
                place = np.searchsorted(self.estimator.classes_, batch)
                predicted += [str(label) for label in batch]
                scores += _label_scores(self.estimator, features)[range(len(batch)), place].tolist()
        return predicted, scores


def train(model_id: str, spec: SklearnModel, given: TrainingSet) -> TrainedModel:
    """Fits on `given.rows` (label, text)."""
    weights = given.class_weights(getattr(spec.estimator, "class_weight", "none"))
    tfidf = _vectorizer(spec.tfidf)
    estimator = _estimator(spec.estimator, weights, given.seed)
    with pinned_threads(given.threads):
        features = _fit_terms(model_id, tfidf, spec.tfidf, given.rows["text"].to_list())
        estimator.fit(features, given.rows["label"].to_list())
    card = given.card(
        model_id, spec, PACKAGES, class_weights=weights, n_features=int(features.shape[1])
    )
    return TrainedModel(model_id, spec.family, card, partial(_write, tfidf, estimator))


def load(folder: Path, card: dict[str, Any]) -> SklearnPredictor:
    tfidf, estimator = read_skops(folder / _MODEL)
    return SklearnPredictor(card["labels"], tfidf, estimator, card["threads"])


def top_terms(tfidf: Any, estimator: Any) -> dict[str, list[tuple[str, float]]]:
    """label -> its heaviest terms and their weights; {} for estimators that are not linear.

    A binary linear model has one row of weights: positive for its second label. Complement naive
    Bayes has one row a label.
    """
    rows = getattr(estimator, "coef_", getattr(estimator, "feature_log_prob_", None))
    if rows is None:
        return {}
    if len(rows) == 1:
        rows = np.vstack([-rows[0], rows[0]])
    terms = tfidf.get_feature_names_out()
    top = {}
    for label, weights in zip(estimator.classes_, rows, strict=True):
        order = np.lexsort((terms, -weights))[:TOP_TERMS]  # by weight, then alphabet
        top[str(label)] = [(str(terms[place]), float(weights[place])) for place in order]
    return top


def _vectorizer(spec: Tfidf) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        ngram_range=(spec.ngram_min, spec.ngram_max),
        max_features=spec.max_features,
        min_df=spec.min_df,
        sublinear_tf=spec.sublinear_tf,
    )


def _fit_terms(model_id: str, tfidf: Any, spec: Tfidf, texts: list[str]) -> Any:
    try:
        features = tfidf.fit_transform(texts)
    except ValueError as error:  # raised when no term is left
        raise ConfigError(
            f"models.{model_id}.tfidf.min_df={spec.min_df} leaves no term of {len(texts)} training "
            f"documents; lower it ({error})"
        ) from error
    # scikit-learn notes the memory address of its stop words: it changes from run to run.
    vars(tfidf).pop("_stop_words_id", None)
    # Positions come as NumPy integers, which skops would write as one file a term.
    tfidf.vocabulary_ = {term: int(place) for term, place in tfidf.vocabulary_.items()}
    return features


def _estimator(spec: Estimator, weights: dict[str, float] | None, seed: int) -> Any:
    from sklearn import ensemble, linear_model, naive_bayes, svm, tree

    match spec:
        case LinearSvc():
            return svm.LinearSVC(C=spec.C, class_weight=weights, random_state=seed)
        case RbfSvc():
            return svm.SVC(C=spec.C, gamma=spec.gamma, class_weight=weights)
        case Perceptron():
            return linear_model.Perceptron(
                max_iter=spec.max_iter, tol=spec.tol, class_weight=weights, random_state=seed
            )
        case LogisticRegression():
            return linear_model.LogisticRegression(
                C=spec.C, max_iter=spec.max_iter, class_weight=weights
            )
        case ComplementNB():
            return naive_bayes.ComplementNB(alpha=spec.alpha)
        case DecisionTree():
            return tree.DecisionTreeClassifier(
                max_depth=spec.max_depth,
                min_samples_split=spec.min_samples_split,
                min_samples_leaf=spec.min_samples_leaf,
                splitter=spec.splitter,
                class_weight=weights,
                random_state=seed,
            )
        case RandomForest():
            return ensemble.RandomForestClassifier(
                n_estimators=spec.n_estimators,
                max_depth=spec.max_depth,
                min_samples_leaf=spec.min_samples_leaf,
                class_weight=weights,
                random_state=seed,
            )


def _label_scores(estimator: Any, features: Any) -> Any:
    """(documents, labels) decision scores, or probabilities of estimators without them."""
    if not hasattr(estimator, "decision_function"):
        return estimator.predict_proba(features)
    scores = estimator.decision_function(features)
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores


def _write(tfidf: Any, estimator: Any, folder: Path) -> None:
    write_skops([tfidf, estimator], folder / _MODEL)
    if terms := top_terms(tfidf, estimator):
        text = json.dumps(terms, indent=2, ensure_ascii=False)
        (folder / FEATURES).write_text(text + "\n", encoding="utf-8")
