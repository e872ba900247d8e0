"""The nodes that predict: each configured model of a family says a label of every job document.

A model trained by another config, or from other documents, is refused. A family without
configured models gives `{}` and imports nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from app.config.ideo.hardware import Hardware
from app.config.ideo.models import Models
from app.datasets.docbin import DocSide
from app.datasets.models import ModelFolder
from app.datasets.sides import Frame
from app.errors import StaleInputError
from app.pipelines.ideo.identity import require_same_identity
from app.pipelines.ideo.models import load_model, spacy
from app.pipelines.ideo.models.training_set import require_same_limits

Predictions = dict[str, pl.DataFrame]  # model_id -> id, label, predicted, score
Json = dict[str, Any]


def predict_check(
    check_models: dict[str, ModelFolder],
    job: Frame,
    models: Models,
    hardware: Hardware,
    identity: Json,
) -> Predictions:
    """The majority label, for every document."""
    return _predict_texts("check", check_models, {"job": job}, models, hardware, identity)


def predict_sklearn(
    sklearn_models: dict[str, ModelFolder],
    sklearn_table: dict[str, Frame],
    models: Models,
    hardware: Hardware,
    identity: Json,
) -> Predictions:
    return _predict_texts("sklearn", sklearn_models, sklearn_table, models, hardware, identity)


def predict_hf(
    hf_models: dict[str, ModelFolder],
    hf_rows: dict[str, Frame],
    models: Models,
    hardware: Hardware,
    identity: Json,
) -> Predictions:
    return _predict_texts("hf", hf_models, hf_rows, models, hardware, identity)


def predict_spacy(
    spacy_models: dict[str, ModelFolder],
    spacy_shards: dict[str, DocSide],
    models: Models,
    hardware: Hardware,
    identity: Json,
) -> Predictions:
    predictions = {}
    for model_id, folder in configured_models(
        "spacy", spacy_models, models, hardware, identity
    ).items():
        job = _job("spacy", spacy_shards)
        predictor = spacy.load(folder.path, folder.card)
        predictions[model_id] = _table(job.rows, *predictor.predict_side(job))
    return predictions


def _predict_texts(
    family: str,
    trained: dict[str, ModelFolder],
    sides: Mapping[str, Frame],
    models: Models,
    hardware: Hardware,
    identity: Json,
) -> Predictions:
    folders = configured_models(family, trained, models, hardware, identity)
    if not folders:
        return {}
    job = _job(family, sides).lazy().select("id", "label", "text").collect()
    texts = job["text"].to_list()
    return {
        model_id: _table(job, *load_model(folder.path).predict_scored(texts))
        for model_id, folder in folders.items()
    }


def configured_models(
    family: str,
    trained: dict[str, ModelFolder],
    models: Models,
    hardware: Hardware,
    identity: Json,
) -> dict[str, ModelFolder]:
    """The folders of the configured models, each trained by this very config."""
    folders = {}
    for model_id, spec in models.of(family).items():
        if model_id not in trained:
            raise StaleInputError(f"model {model_id} has not been trained; run the stage `train`")
        folder = trained[model_id]
        require_same_identity(folder.card["identity"], identity, f"model {model_id}")
        recorded, wanted = folder.card["spec"], spec.model_dump(mode="json")
        if differing := sorted(
            key for key in {*recorded, *wanted} if recorded.get(key) != wanted.get(key)
        ):
            raise StaleInputError(
                f"model {model_id} was trained with another {', '.join(differing)} than "
                f"models.{model_id} has now; run the stage `train` again"
            )
        require_same_limits(folder.card, hardware)
        folders[model_id] = folder
    return folders


def _job(family: str, sides: Mapping[str, Any]) -> Any:
    if not sides:
        raise StaleInputError(
            f"the {family} format was not written: `prepare` ran without a {family} model; run it "
            "again with the models you want to evaluate"
        )
    return sides["job"]


def _table(rows: pl.DataFrame, predicted: Sequence[str], scores: Sequence[float]) -> pl.DataFrame:
    return rows.select("id", "label").with_columns(
        pl.Series("predicted", predicted, dtype=pl.String),
        pl.Series("score", scores, dtype=pl.Float64),
    )
