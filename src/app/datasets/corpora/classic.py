"""The classic form: one <teiCorpus> of many <TEI>, one document each.

Metadata is in textClass/keywords/term[@type], language in langUsage/language/@ident, text in
text/body/div/{head,p}. Values are kept as written. This is the path that big corpora take, so it
walks the known elements instead of evaluating an XPath a field.
"""

from collections.abc import Iterator

from lxml import etree

from app.config.corpora import TEI_NAMESPACE, ClassicReader
from app.datasets.corpora.reader import XML_LANG, Found, Header, own_id
from app.datasets.corpora.text import joined, paragraph


class _Names:
    """The element names of the form, in the TEI namespace or in none."""

    def __init__(self, namespace: str) -> None:
        self.profile = f"{namespace}teiHeader/{namespace}profileDesc"
        self.body = f"{namespace}text/{namespace}body"
        self.keywords = f"{namespace}textClass/{namespace}keywords"
        self.languages = f"{namespace}langUsage/{namespace}language"
        self.term = f"{namespace}term"
        self.head, self.p, self.div = (f"{namespace}{name}" for name in ("head", "p", "div"))


class Classic:
    """Reads documents of the classic form (`TeiDocuments`)."""

    def __init__(self, reader: ClassicReader) -> None:
        self._fields = reader.field_names()
        self._names = {True: _Names(f"{{{TEI_NAMESPACE}}}"), False: _Names("")}

    def inner(self, namespaced: bool) -> list[str]:
        return []

    def header(self, tei: etree._Element, stem: str) -> Header:
        return {}

    def documents(self, element: etree._Element, header: Header) -> Iterator[Found]:
        names = self._names[str(element.tag)[0] == "{"]
        terms: dict[str | None, str | None] = {}
        language = None
        profile = element.find(names.profile)
        if profile is not None:
            for keywords in profile.iterfind(names.keywords):
                for term in keywords.iterchildren(names.term):
                    terms.setdefault(term.get("type"), (term.text or "").strip() or None)
            said = profile.find(names.languages)
            language = said.get("ident") if said is not None else None
        paragraphs: list[str | None] = []
        body = element.find(names.body)
        if body is not None:
            _gather(body, names, paragraphs)
        text, words = joined(paragraphs)
        yield Found(
            own_id(element),
            language or element.get(XML_LANG),
            terms.get("modality"),
            [terms.get(field) for field in self._fields],
            text,
            words,
        )


def _gather(division: etree._Element, names: _Names, paragraphs: list[str | None]) -> None:
    for part in division.iterchildren(names.p, names.head, names.div):
        if part.tag == names.div:
            _gather(part, names, paragraphs)
        else:
            paragraphs.append(paragraph(part))
