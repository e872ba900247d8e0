"""Any TEI: the element that is a document, and an XPath for each of its fields."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lxml import etree

from app.datasets.corpora.reader import XML_LANG, Found, Header, is_namespaced, own_id
from app.datasets.corpora.text import joined, local_names, paragraph, paragraph_without
from app.datasets.corpora.xpath import compiled, first_string, qualified

Path = Callable[[etree._Element], Any]


class TeiOptions(NamedTuple):
    """What a corpus is configured with; each value as in `app.config.ideo.corpora.TeiReader`."""

    document: str
    namespaces: Mapping[str, str]
    where: str | None
    id: str | None
    text: str
    exclude: Sequence[str]
    fields: Mapping[str, str]
    header_fields: Mapping[str, str]


class _Paths:
    """The reader's names and expressions, for files in the TEI namespace or in none."""

    def __init__(self, options: TeiOptions, namespaced: bool) -> None:
        def path(expression: str, key: str) -> Path:
            return compiled(expression, options.namespaces, namespaced, f"reader.{key}")

        def each(expressions: Mapping[str, str], key: str) -> dict[str, Path]:
            return {name: path(text, f"{key}.{name}") for name, text in expressions.items()}

        self.document = qualified(
            options.document, options.namespaces, namespaced, "reader.document"
        )
        self.id = path(options.id, "id") if options.id else None
        self.where = path(f"boolean({options.where})", "where") if options.where else None
        self.text = path(options.text, "text")
        self.fields = each(options.fields, "fields")
        self.header_fields = each(options.header_fields, "header_fields")


class Tei:
    """Reads documents as `TeiOptions` describe them (`TeiDocuments`).

    A field named `language` or `modality` is the document's own, instead of the corpus's. Fields
    of a document inside a <TEI> may look up at its ancestors' attributes, not at what stands
    before it: that is freed.
    """

    def __init__(self, options: TeiOptions, fields: Sequence[str]) -> None:
        self._exclude = local_names(options.exclude)
        self._fields = fields
        self._paths = {flag: _Paths(options, flag) for flag in (True, False)}
        self._whole = options.document.removeprefix("tei:") == "TEI"

    def inner(self, namespaced: bool) -> list[str]:
        return [] if self._whole else [self._paths[namespaced].document]

    def header(self, tei: etree._Element, stem: str) -> Header:
        paths = self._paths[is_namespaced(tei)].header_fields
        said = {name: first_string(path(tei)) for name, path in paths.items()}
        return {**said, XML_LANG: tei.get(XML_LANG)}

    def documents(self, element: etree._Element, header: Header) -> Iterator[Found]:
        paths = self._paths[self._is_namespaced(element)]
        if paths.where is not None and not paths.where(element):
            return
        if self._exclude:
            text = joined(paragraph_without(p, self._exclude) for p in paths.text(element))
        else:
            text = joined(map(paragraph, paths.text(element)))
        values = {name: first_string(path(element)) for name, path in paths.fields.items()}
        values = {**header, **values}
        yield Found(
            first_string(paths.id(element)) if paths.id else own_id(element),
            values.get("language") or element.get(XML_LANG) or header.get(XML_LANG),
            values.get("modality"),
            [values.get(name) for name in self._fields],
            text,
        )

    def _is_namespaced(self, element: etree._Element) -> bool:
        if self._whole:
            return is_namespaced(element)
        root = next((e for e in element.iterancestors() if is_namespaced(e)), None)
        return root is not None or is_namespaced(element)
