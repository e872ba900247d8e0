"""Any TEI: the element that is a document, and an XPath for each of its fields."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from lxml import etree

from app.config.corpora import TeiReader
from app.datasets.corpora.reader import XML_LANG, Found, Header, is_namespaced, own_id
from app.datasets.corpora.text import joined, local_names, paragraph, paragraph_without
from app.datasets.corpora.xpath import compiled, first_string, qualified

Path = Callable[[etree._Element], Any]


class _Paths:
    """The reader's expressions, compiled for files in the TEI namespace or in none."""

    def __init__(self, reader: TeiReader, namespaced: bool) -> None:
        self._reader, self._namespaced = reader, namespaced

    @cached_property
    def document(self) -> str:
        reader = self._reader
        return qualified(reader.document, reader.namespaces, self._namespaced, "reader.document")

    @cached_property
    def text(self) -> Path:
        return self._compiled(self._reader.text, "reader.text")

    @cached_property
    def id(self) -> Path | None:
        return self._compiled(self._reader.id, "reader.id") if self._reader.id else None

    @cached_property
    def where(self) -> Path | None:
        where = self._reader.where
        return self._compiled(f"boolean({where})", "reader.where") if where else None

    @cached_property
    def fields(self) -> dict[str, Path]:
        return self._all(self._reader.fields, "reader.fields")

    @cached_property
    def header_fields(self) -> dict[str, Path]:
        return self._all(self._reader.header_fields, "reader.header_fields")

    def _all(self, expressions: Mapping[str, str], what: str) -> dict[str, Path]:
        return {name: self._compiled(path, f"{what}.{name}") for name, path in expressions.items()}

    def _compiled(self, expression: str, what: str) -> Path:
        return compiled(expression, self._reader.namespaces, self._namespaced, what)


class Tei:
    """Reads documents as `TeiReader` describes them (`TeiDocuments`).

    A field named `language` or `modality` is the document's own, instead of the corpus's. Fields
    of a document inside a <TEI> may look up at its ancestors' attributes, not at what stands
    before it: that is freed.
    """

    def __init__(self, reader: TeiReader) -> None:
        self._exclude = local_names(reader.exclude)
        self._fields = reader.field_names()
        self._paths = {flag: _Paths(reader, flag) for flag in (True, False)}
        self._whole = reader.document.removeprefix("tei:") == "TEI"

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
            text, words = joined(paragraph_without(p, self._exclude) for p in paths.text(element))
        else:
            text, words = joined(map(paragraph, paths.text(element)))
        values = {name: first_string(path(element)) for name, path in paths.fields.items()}
        values = {**header, **values}
        yield Found(
            first_string(paths.id(element)) if paths.id else own_id(element),
            values.get("language") or element.get(XML_LANG) or header.get(XML_LANG),
            values.get("modality"),
            [values.get(name) for name in self._fields],
            text,
            words,
        )

    def _is_namespaced(self, element: etree._Element) -> bool:
        if self._whole:
            return is_namespaced(element)
        root = next((e for e in element.iterancestors() if is_namespaced(e)), None)
        return root is not None or is_namespaced(element)
