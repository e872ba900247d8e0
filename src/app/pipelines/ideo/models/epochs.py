"""The documents of an epoch, from DocBin shards: one shard in memory, shuffled inside it, and cut
into batches that grow with the training."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from app.config.ideo.models import SpacyModel
from app.datasets.docbin import DocSide

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


def documents_of(side: DocSide, nlp: "Language", ids: set[str]) -> "Iterator[list[Doc]]":
    """The documents named in `ids`, a shard at a time."""
    names = iter(side.rows["id"])
    for shard in side.shards:
        docs = shard().get_docs(nlp.vocab)
        # `docs` comes first: zip stops at its end without taking a name of the next shard.
        yield [doc for doc, name in zip(docs, names, strict=False) if name in ids]


def epoch_documents(
    side: DocSide, nlp: "Language", ids: set[str], spec: SpacyModel, generator: np.random.Generator
) -> "Iterator[Doc]":
    """The documents of one epoch, shuffled inside each shard."""
    for docs in documents_of(side, nlp, ids):
        for place in generator.permutation(len(docs)):
            doc = docs[place]
            if spec.architecture == "bow" and spec.dropout:
                doc = _without_words(doc, spec.dropout, generator)
            yield doc


def _without_words(doc: "Doc", dropout: float, generator: np.random.Generator) -> "Doc":
    """Word dropout, after Iyyer et al. (2015), Deep unordered composition: spaCy's linear model
    has no layer that drops inputs, so words are left out of the document."""
    from spacy.tokens import Doc

    kept: Any = doc.to_array("ORTH")[generator.random(len(doc)) >= dropout]
    if not len(kept):
        return doc
    shorter = Doc(doc.vocab, words=kept)
    shorter.cats = doc.cats
    return shorter


def words_a_batch(spec: SpacyModel) -> Iterator[float]:
    """Words a batch: from `batch_start`, growing by `batch_compound` a step, to `batch_stop`."""
    size = float(spec.batch_start)
    while True:
        yield min(size, spec.batch_stop)
        size *= spec.batch_compound


def mark_last(batches: "Iterable[list[Doc]]") -> "Iterator[tuple[list[Doc], bool]]":
    """Each batch, and whether it is the last one."""
    waiting = None
    for batch in batches:
        if waiting is not None:
            yield waiting, False
        waiting = batch
    if waiting is not None:
        yield waiting, True
