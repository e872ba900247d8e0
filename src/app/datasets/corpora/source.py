"""A corpus as plain values: what reading needs of its config, and nothing that checks it.

The processes that read are told a `Source`, and so import the standard library and lxml only; with
the config's own classes each would import pydantic too: 18 MB and 0.1 s.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from app.config.ideo.corpora import Corpus


class Source(NamedTuple):
    """A corpus, its config already checked; each value as in `app.config.ideo.corpora.Corpus`."""

    path: str
    exclude: list[str]
    encoding: str | None
    language: str
    modality: str
    kind: str  # which reader: tei, classic, inline, parlamint, paired_lines
    options: dict[str, Any]  # what that reader is configured with
    fields: tuple[str, ...]  # its metadata fields, in order


def source_of(corpus: "Corpus") -> Source:
    """The corpus as its readers are told of it."""
    return Source(
        corpus.path,
        corpus.exclude,
        corpus.encoding,
        corpus.language,
        corpus.modality,
        corpus.reader.kind,
        corpus.reader.model_dump(exclude={"kind"}),
        corpus.field_names(),
    )
