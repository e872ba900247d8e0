"""The Kedro dataset of the corpora of a run: read-only, streamed, never held whole."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from app.config.ideo.corpora import Corpus, PairedLinesReader, ParlaMintReader
from app.config.ideo.dataset import Dataset
from app.datasets.corpora.files import CorpusFile
from app.datasets.corpora.frames import COUNTS, Frames
from app.datasets.corpora.rows import BASE, own_fields
from app.datasets.corpora.source import source_of
from app.datasets.corpora.tasks import source_files
from app.datasets.corpora.workers import batches
from app.durable.digests import file_digest
from app.durable.progress import progress
from app.errors import ConfigError, InputError

RESERVED = {"id", "corpus_id", "text", "problem", "place", *COUNTS}


class Corpora:
    """The corpora of a run: their documents as frames, and what identifies their files.

    Attributes:
        eval_ids: the corpora that are only evaluated on.
    """

    def __init__(
        self, corpora: Mapping[str, Corpus], dataset: Dataset, tokenizer: str, workers: int
    ) -> None:
        self.eval_ids = tuple(dataset.eval_corpora())
        self._corpora = {name: corpora[name] for name in [*dataset.corpus_ids, *self.eval_ids]}
        self._policy = dataset.on_bad_document
        self._tokenizer, self._workers = tokenizer, workers
        for name, corpus in self._corpora.items():
            if taken := RESERVED.intersection(corpus.field_names()):
                raise ConfigError(
                    f"corpora.{name}.reader: a field cannot be named {sorted(taken)[0]!r}, every "
                    "document has that column already"
                )

    def frames(self) -> Iterator[pl.DataFrame]:
        """All documents in batches: those of the train corpora, then of the eval corpora.

        Columns: id, corpus_id, language, modality, the corpora's fields, n_chars, n_tokens, text,
        problem, place. A document that cannot be read is a row with its problem and its place.

        Raises:
            InputError: a file cannot be read; a document cannot, with on_bad_document=fail; or no
                document of a corpus can.
        """
        fields = [name for corpus in self._corpora.values() for name in corpus.field_names()]
        columns = [*BASE[1:], *own_fields(fields)]
        sources = {name: source_of(corpus) for name, corpus in self._corpora.items()}
        files = [file for source in sources.values() for file in source_files(source)]
        size = sum(file.path.stat().st_size for file in files)
        with progress("reading corpora", size) as shown:
            for corpus_id, source in sources.items():
                made = Frames(corpus_id, source.fields, columns, self._policy)
                for batch in batches(source, self._tokenizer, self._workers):
                    if batch.columns:
                        yield made.frame(batch)
                    shown.advance(batch.read, corpus_id)
                if not made.readable:
                    cause = made.first_problem or "its files hold none that the reader looks for"
                    raise InputError(f"corpus {corpus_id}: no document could be read; {cause}")

    def sources(self) -> dict[str, str]:
        """`<corpus>:<file>` -> `<blake2b of its content> <bytes>`, of every file that is read."""
        return {
            f"{corpus_id}:{file.name}": _fingerprint(file.path)
            for corpus_id, corpus in self._corpora.items()
            for file in [*source_files(source_of(corpus)), *_companions(corpus)]
        }

    def fingerprint(self) -> str:
        """Of all that `frames` gives: equal fingerprints, equal documents."""
        said = {
            "corpora": [
                [name, corpus.model_dump(mode="json")] for name, corpus in self._corpora.items()
            ],
            "sources": self.sources(),
            "on_bad_document": self._policy,
            "tokenizer": self._tokenizer,
        }
        content = json.dumps(said, ensure_ascii=False).encode()
        return hashlib.blake2b(content, digest_size=16).hexdigest()


class CorporaDataset(AbstractDataset[Any, Corpora]):
    """Kedro dataset over `conf/corpora`.

    Args:
        corpora: corpus id -> its description (`app.config.ideo.corpora.Corpus`).
        dataset: which of them are read (`app.config.ideo.dataset.Dataset`).
        tokenizer: what `n_tokens` counts: whitespace, simple or spacy:<language>.
        workers: processes that read.
    """

    def __init__(
        self,
        corpora: dict[str, Any],
        dataset: dict[str, Any],
        tokenizer: str = "whitespace",
        workers: int = 1,
    ) -> None:
        self._corpora, self._dataset = corpora, dataset
        self._tokenizer, self._workers = tokenizer, workers

    def load(self) -> Corpora:
        corpora = {name: Corpus.model_validate(said) for name, said in self._corpora.items()}
        dataset = Dataset.model_validate(self._dataset)
        return Corpora(corpora, dataset, self._tokenizer, self._workers)

    def save(self, data: Any) -> None:
        raise InputError("corpora are read, never written")

    def _describe(self) -> dict[str, Any]:
        return {"corpora": sorted(self._corpora), "workers": self._workers}


def _companions(corpus: Corpus) -> list[CorpusFile]:
    """Files a reader looks things up in."""
    reader = corpus.reader
    if isinstance(reader, ParlaMintReader):
        named = [reader.persons, reader.orgs, reader.taxonomy]
    elif isinstance(reader, PairedLinesReader):
        named = [reader.texts]
    else:
        named = []
    return [CorpusFile(Path(name), Path(name).name) for name in named if name is not None]


def _fingerprint(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
