"""The nodes that train: for each family, its configured models, one after the other.

They are generators: a model is saved as soon as it is trained, before the next one starts. A
family without configured models yields nothing and imports nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.config.ideo.hardware import Hardware
from app.config.ideo.models import (
    CheckModel,
    ComplementNB,
    HfModel,
    Models,
    SklearnModel,
    SpacyModel,
)
from app.config.ideo.split import Split
from app.datasets.docbin import DocSide
from app.datasets.models import TrainedModel
from app.datasets.sides import Frame
from app.errors import StaleInputError
from app.pipelines.ideo.identity import require_same_identity
from app.pipelines.ideo.models import check, hf, sklearn, spacy
from app.pipelines.ideo.models.training_set import TrainingSet

Trained = Iterator[dict[str, TrainedModel]]
Json = dict[str, Any]


def train_check(
    meta_view: Json, meta_formats: Json, models: Models, seed: int, identity: Json
) -> Trained:
    """Counts what the run prepared."""
    for model_id, spec in models.of("check").items():
        assert isinstance(spec, CheckModel)
        _require_prepared(meta_view, meta_formats, identity)
        counts, formats = meta_view["label_counts_train_after"], meta_formats["families"]
        yield {model_id: check.train(model_id, spec, counts, formats, seed, identity)}


def train_sklearn(
    sklearn_table: dict[str, Frame],
    meta_view: Json,
    meta_formats: Json,
    models: Models,
    hardware: Hardware,
    seed: int,
    identity: Json,
) -> Trained:
    """TF-IDF and an estimator."""
    specs = models.of("sklearn")
    if not specs:
        return
    _require_prepared(meta_view, meta_formats, identity, "sklearn", sklearn_table)
    given = TrainingSet.capped(
        sklearn_table["train"].lazy().collect(),
        hardware.max_train_docs_sklearn,
        "hardware.max_train_docs_sklearn",
        balance_weights=meta_view["label_weights"],
        seed=seed,
        threads=hardware.blas_threads,
        identity=identity,
    )
    for model_id, spec in specs.items():
        assert isinstance(spec, SklearnModel)
        if isinstance(spec.estimator, ComplementNB):
            given.tell_unused_weights(model_id)
        yield {model_id: sklearn.train(model_id, spec, given)}


def train_spacy(
    spacy_shards: dict[str, DocSide],
    meta_view: Json,
    meta_formats: Json,
    models: Models,
    hardware: Hardware,
    split: Split,
    seed: int,
    identity: Json,
) -> Trained:
    """spaCy text categorisers, chosen on a dev part of the training side."""
    specs = models.of("spacy")
    if not specs:
        return
    _require_prepared(meta_view, meta_formats, identity, "spacy", spacy_shards)
    side = spacy_shards["train"]
    shard_docs = meta_formats["families"]["spacy"]["shard_docs"]
    if shard_docs != hardware.shard_docs:
        raise StaleInputError(
            f"the spacy format is in shards of {shard_docs} documents; hardware.shard_docs="
            f"{hardware.shard_docs} now: run the stage `prepare` again"
        )
    given = TrainingSet.capped(
        side.rows,
        hardware.max_train_docs_spacy,
        "hardware.max_train_docs_spacy",
        balance_weights=meta_view["label_weights"],
        seed=seed,
        threads=hardware.blas_threads,
        identity=identity,
    )
    for model_id, spec in specs.items():
        assert isinstance(spec, SpacyModel)
        given.tell_unused_weights(model_id)
        yield {model_id: spacy.train(model_id, spec, given, side, meta_formats, split)}


def train_hf(
    hf_rows: dict[str, Frame],
    meta_view: Json,
    meta_formats: Json,
    models: Models,
    hardware: Hardware,
    split: Split,
    seed: int,
    identity: Json,
) -> Trained:
    """Transformers, chosen on a dev part of the training side."""
    specs = models.of("hf")
    if not specs:
        return
    _require_prepared(meta_view, meta_formats, identity, "hf", hf_rows)
    given = TrainingSet.capped(
        hf_rows["train"].lazy().collect(),
        hardware.max_train_docs_hf,
        "hardware.max_train_docs_hf",
        balance_weights=meta_view["label_weights"],
        seed=seed,
        threads=hardware.blas_threads,
        identity=identity,
    )
    for model_id, spec in specs.items():
        assert isinstance(spec, HfModel)
        yield {model_id: hf.train(model_id, spec, given, split)}


def _require_prepared(
    meta_view: Json,
    meta_formats: Json,
    identity: Json,
    family: str | None = None,
    written: Mapping[str, object] | None = None,
) -> None:
    """What is on disk was prepared by this very config, and for this family.

    meta_view.json is written before the formats and meta_formats.json after them: where both
    have this identity, so have the formats between them.
    """
    require_same_identity(meta_view["identity"], identity, "meta_view.json")
    require_same_identity(meta_formats["identity"], identity, "meta_formats.json")
    if family is not None and not written:
        raise StaleInputError(
            f"the {family} format was not written: `prepare` ran without a {family} model; run it "
            "again with the models you want to train"
        )
