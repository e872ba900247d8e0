"""The terms that weigh most in each linear model, as its training left them."""

import json
from typing import Any

from app.config.ideo.analysis import Analysis
from app.datasets.models import ModelFolder
from app.pipelines.ideo.models.sklearn import FEATURES
from app.pipelines.ideo.page.findings import TopFeatures


def read_top_features(
    sklearn_models: dict[str, ModelFolder], cards: dict[str, dict[str, Any]], analysis: Analysis
) -> TopFeatures:
    """Of the models of `cards`: model_id -> label -> the `analysis.top_features` heaviest
    (term, weight); models that are not linear have none."""
    found: TopFeatures = {}
    for model_id, card in cards.items():
        if card["family"] != "sklearn":
            continue
        file = sklearn_models[model_id].path / FEATURES
        if not file.is_file():
            continue
        by_label = json.loads(file.read_text(encoding="utf-8"))
        found[model_id] = {
            label: [(str(term), float(weight)) for term, weight in terms[: analysis.top_features]]
            for label, terms in sorted(by_label.items())
        }
    return found
