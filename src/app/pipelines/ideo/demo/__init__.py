"""The demo corpora: two small French corpora of invented actors, generated, free of any licence.

- `web1`: web pages (`pages`), 1,200 documents.
- `asr1`: recognised speech of the same actors (`speech`), 600 documents.

They are seeded: the bytes are the same on every run, machine and Python version. They are not a
benchmark. They are made so that every path of the study has something to do: skewed actors,
copies and near copies, short and very long texts, other languages, missing metadata, an
ambiguous crawl, actors of no known ideology, a family with very few documents; and so that actors
held out are harder to classify than documents held out.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from app.durable.atomic import atomic_file
from app.pipelines.ideo.demo import pages, speech
from app.pipelines.ideo.demo.tei import Document, corpus_parts

SEED = 1
DEMO_CORPORA: dict[str, tuple[str, Callable[[int], Iterator[Document]]]] = {
    "web1": (pages.TITLE, pages.web_pages),
    "asr1": (speech.TITLE, speech.transcripts),
}

log = logging.getLogger(__name__)


def ensure_demo_corpora(data_root: Path, corpus_ids: Iterable[str]) -> None:
    """Writes `data_root/<id>/corpus.xml` for each demo corpus of `corpus_ids` that is absent.

    Other corpora are their owners' business, and files that exist are left as they are.
    """
    for corpus_id in corpus_ids:
        path = data_root / corpus_id / "corpus.xml"
        if corpus_id in DEMO_CORPORA and not path.exists():
            _write(path, corpus_id)
            log.info("generated the demo corpus %s: %s", corpus_id, path)


def _write(path: Path, corpus_id: str) -> None:
    title, documents = DEMO_CORPORA[corpus_id]
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(corpus_parts(corpus_id, title, documents(SEED)))
