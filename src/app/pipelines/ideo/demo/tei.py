"""The classic corpus form: one `<teiCorpus>` of many `<TEI>`, metadata in `term[@type]`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<teiCorpus xmlns="http://www.tei-c.org/ns/1.0">\n'
)
CLOSING = "</teiCorpus>\n"
LICENCE = "Generated text, no rights reserved (CC0)."


@dataclass(frozen=True)
class Document:
    """One document before it has an id."""

    language: str
    terms: Mapping[str, str]  # term/@type -> value; a term that is missing is not here
    head: str
    paragraphs: tuple[str, ...]


def corpus_parts(corpus_id: str, title: str, documents: Iterable[Document]) -> Iterator[str]:
    """The text of the corpus file, a document at a time. Ids: `<corpus_id>-<number>`."""
    yield OPENING
    yield (
        f"<teiHeader><fileDesc><titleStmt><title>{escape(title)}</title></titleStmt>"
        f"<publicationStmt><p>{LICENCE}</p></publicationStmt>"
        "<sourceDesc><p>Born digital.</p></sourceDesc></fileDesc></teiHeader>\n"
    )
    for number, document in enumerate(documents, start=1):
        yield _document(f"{corpus_id}-{number:05d}", document)
    yield CLOSING


def _document(document_id: str, document: Document) -> str:
    terms = "".join(
        f"<term type={quoteattr(kind)}>{escape(value)}</term>"
        for kind, value in document.terms.items()
    )
    paragraphs = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in document.paragraphs)
    return (
        f"<TEI xml:id={quoteattr(document_id)}><teiHeader><fileDesc><titleStmt>"
        f"<title>{escape(document.head)}</title></titleStmt>"
        f"<publicationStmt><p>{LICENCE}</p></publicationStmt>"
        "<sourceDesc><p>Born digital.</p></sourceDesc></fileDesc><profileDesc>"
        f"<langUsage><language ident={quoteattr(document.language)}/></langUsage>"
        f"<textClass><keywords>{terms}</keywords></textClass></profileDesc></teiHeader>\n"
        f"<text><body><div><head>{escape(document.head)}</head>\n{paragraphs}</div></body></text>"
        "</TEI>\n"
    )
