"""The classic form: one <teiCorpus> of many <TEI>, one document each.

Metadata is in the header's term[@type] (textClass/keywords), language in
langUsage/language/@ident, text in text/body/div/{head,p}. Values are kept as written. This is the
path that big corpora take, so it walks the known elements instead of evaluating an XPath a field.
"""

from collections.abc import Iterator, Sequence

from lxml import etree

from app.datasets.corpora.reader import TEI_NAMESPACE, XML_LANG, Found, Header, own_id
from app.datasets.corpora.text import joined, paragraph


class _Names:
    """The element names of the form, in the TEI namespace or in none."""

    def __init__(self, namespace: str) -> None:
        self.header = f"{namespace}teiHeader"
        self.language, self.term = f"{namespace}language", f"{namespace}term"
        self.body, self.div = f"{namespace}body", f"{namespace}div"
        self.head, self.p = f"{namespace}head", f"{namespace}p"


class Classic:
    """Reads documents of the classic form (`TeiDocuments`).

    Of several terms of one type, the first that says anything counts. A paragraph of the body
    itself counts as one of a division.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._names = {True: _Names(f"{{{TEI_NAMESPACE}}}"), False: _Names("")}

    def inner(self, namespaced: bool) -> list[str]:
        return []

    def header(self, tei: etree._Element, stem: str) -> Header:
        return {}

    def documents(self, element: etree._Element, header: Header) -> Iterator[Found]:
        names = self._names[element.tag[0] == "{"]
        language: str | None = None
        terms: dict[str, str] = {}
        for head in element.iterchildren(names.header):
            for node in head.iter(
                names.language, names.term
            ):  # one walk: the header is half the work
                kind = node.get("type")
                if kind is None:  # a language
                    language = language or node.get("ident")
                elif value := (node.text or "").strip():
                    terms.setdefault(kind, value)
        paragraphs = [
            paragraph(part) if len(part) else part.text
            for body in element.iter(names.body)
            for division in body.iter(names.div, names.body)
            for part in division.iterchildren(names.p, names.head)
        ]
        text = joined(paragraphs)
        yield Found(
            own_id(element),
            language or element.get(XML_LANG),
            terms.get("modality"),
            [terms.get(field) for field in self._fields],
            text,
        )
