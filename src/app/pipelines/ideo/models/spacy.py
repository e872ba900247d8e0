"""Family `spacy`: spaCy's text categoriser over exclusive labels, trained from DocBin shards.

`bow` is a linear model of hashed word n-grams (spacy.TextCatBOW.v3), `cnn` the mean of
convolutional token vectors (spacy.TextCatReduce.v1 over spacy.HashEmbedCNN.v2).
See https://spacy.io/api/architectures#textcat
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from app.config.ideo.models import SpacyModel
from app.config.ideo.split import Split
from app.datasets.docbin import DocSide
from app.datasets.models import TrainedModel
from app.durable.progress import progress
from app.pipelines.ideo.models.dev import DevSelection
from app.pipelines.ideo.models.epochs import (
    documents_of,
    epoch_documents,
    mark_last,
    words_a_batch,
)
from app.pipelines.ideo.models.threads import pinned_threads
from app.pipelines.ideo.models.training_set import TrainingSet
from app.pipelines.ideo.split import cut_dev

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

PACKAGES = ("spacy", "thinc", "numpy")
SHUFFLE = 42  # the use of the seed: the order of the documents of an epoch
PREDICT_DOCS = 64  # documents predicted at once

_FOLDER, _PIPE = "pipeline", "textcat"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpacyPredictor:
    """A spaCy pipeline of a tokenizer and a text categoriser."""

    labels: list[str]
    nlp: "Language"
    threads: int

    def predict(self, texts: Sequence[str]) -> list[str]:
        return self.predict_scored(texts)[0]

    def predict_scored(self, texts: Sequence[str]) -> tuple[list[str], list[float]]:
        return self._scored(self.nlp.tokenizer(text) for text in texts)

    def predict_side(self, side: DocSide) -> tuple[list[str], list[float]]:
        """The same for documents already tokenised, one shard in memory at a time."""
        docs = (doc for shard in side.shards for doc in shard().get_docs(self.nlp.vocab))
        return self._scored(docs)

    def _scored(self, docs: "Iterable[Doc]") -> tuple[list[str], list[float]]:
        predicted: list[str] = []
        scores: list[float] = []
        with pinned_threads(self.threads):
            for table in _probabilities(self.nlp, docs):
                best = table.argmax(axis=1)
                predicted += [self.labels[place] for place in best]
                scores += table[range(len(best)), best].astype(float).tolist()
        return predicted, scores


def blank(language: str) -> "Language":
    """spaCy's empty pipeline of a language: its tokenizer. `xx` where spaCy has no such one."""
    import spacy

    try:
        return spacy.blank(language)
    except ImportError:
        log.warning("spaCy has no rules for the language %r: its general tokenizer", language)
        return spacy.blank("xx")


def train(
    model_id: str,
    spec: SpacyModel,
    given: TrainingSet,
    side: DocSide,
    meta_formats: dict[str, Any],
    split: Split,
) -> TrainedModel:
    """Fits on the documents of `side` that are in `given.rows`, but for a dev part."""
    fit, dev = cut_dev(given.rows, split, given.seed)
    with pinned_threads(given.threads):
        nlp, selection = _fit(model_id, spec, given, side, meta_formats["language"], fit, dev)
    card = given.card(
        model_id,
        spec,
        PACKAGES,
        language=nlp.lang,
        shard_docs=meta_formats["families"]["spacy"]["shard_docs"],
        n_dev_docs=dev.height,
        history=selection.history,
        best_step=selection.best_at,
    )
    return TrainedModel(model_id, spec.family, card, partial(_write, nlp))


def load(folder: Path, card: dict[str, Any]) -> SpacyPredictor:
    import spacy

    return SpacyPredictor(card["labels"], spacy.load(folder / _FOLDER), card["threads"])


def _fit(
    model_id: str,
    spec: SpacyModel,
    given: TrainingSet,
    side: DocSide,
    language: str,
    fit: pl.DataFrame,
    dev: pl.DataFrame,
) -> "tuple[Language, DevSelection]":
    """The pipeline with the weights of its best look at dev."""
    from spacy.training import Example
    from spacy.training.batchers import minibatch_by_words
    from thinc.api import fix_random_seed

    fix_random_seed(given.seed)
    nlp = blank(language)
    fit_ids, dev_ids = set(fit["id"]), set(dev["id"])
    dev_docs = [doc for docs in documents_of(side, nlp, dev_ids) for doc in docs]
    in_shard_order = side.rows.filter(pl.col("id").is_in(dev_ids))
    selection = DevSelection(in_shard_order, given.labels, spec.patience)
    textcat, optimizer = _initialised(
        nlp, spec, given.labels, next(documents_of(side, nlp, fit_ids))
    )
    sizes: Any = words_a_batch(spec)  # spaCy asks for a sequence and takes any iterator
    best, step = b"", 0
    with progress(model_id, float(spec.epochs * fit.height)) as shown:
        for epoch in range(1, spec.epochs + 1):
            docs = epoch_documents(
                side, nlp, fit_ids, spec, np.random.default_rng([given.seed, SHUFFLE, epoch])
            )
            for batch, ends_epoch in mark_last(minibatch_by_words(docs, sizes)):
                textcat.update(
                    [Example(doc, doc) for doc in batch], drop=spec.dropout, sgd=optimizer
                )
                step += 1
                if ends_epoch or step % spec.eval_steps == 0:
                    guesses = _most_probable(nlp, dev_docs, given.labels)
                    if selection.better(guesses, at=step, epoch=epoch, step=step):
                        best = textcat.model.to_bytes()
                shown.advance(len(batch), selection.note())
                if selection.exhausted():
                    break
            if selection.exhausted():
                break
    textcat.model.from_bytes(best)
    return nlp, selection


def _initialised(
    nlp: "Language", spec: SpacyModel, labels: list[str], docs: "list[Doc]"
) -> tuple[Any, Any]:
    """The text categoriser with its first weights, and spaCy's default optimizer."""
    from spacy.training import Example
    from thinc.api import Adam

    textcat: Any = nlp.add_pipe(_PIPE, config={"model": _architecture(spec)})
    sample = [Example(doc, doc) for doc in docs[:10]]
    textcat.initialize(lambda: sample, nlp=nlp, labels=labels)
    optimizer = Adam(spec.learn_rate, L2=0.01, grad_clip=1.0, L2_is_weight_decay=True)
    return textcat, optimizer


def _architecture(spec: SpacyModel) -> dict[str, Any]:
    if spec.architecture == "bow":
        return {
            "@architectures": "spacy.TextCatBOW.v3",
            "exclusive_classes": True,
            "ngram_size": spec.ngram_size or 1,
            "no_output_layer": False,
            "length": 262_144,
        }
    return {
        "@architectures": "spacy.TextCatReduce.v1",
        "exclusive_classes": True,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
        "tok2vec": {
            "@architectures": "spacy.HashEmbedCNN.v2",
            "pretrained_vectors": None,
            "width": 96,
            "depth": 4,
            "embed_size": 2000,
            "window_size": 1,
            "maxout_pieces": 3,
            "subword_features": True,
        },
    }


def _probabilities(nlp: "Language", docs: "Iterable[Doc]") -> Iterator[Any]:
    """(documents, labels) tables, in the order of the documents."""
    textcat: Any = nlp.get_pipe(_PIPE)
    remaining = iter(docs)
    while batch := list(islice(remaining, PREDICT_DOCS)):
        yield textcat.predict(batch)


def _most_probable(nlp: "Language", docs: "Iterable[Doc]", labels: list[str]) -> list[str]:
    return [labels[place] for table in _probabilities(nlp, docs) for place in table.argmax(axis=1)]


def _write(nlp: "Language", folder: Path) -> None:
    nlp.to_disk(folder / _FOLDER)
