"""Transcripts whose turns carry their metadata as attributes of one inline element.

<sp><speaker>..</speaker><mpt:metadata auteur=".." wing=".."><p>..</p></mpt:metadata></sp>
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lxml import etree

from app.datasets.corpora.reader import XML_ID, XML_LANG, Found, Header, is_namespaced, own_id
from app.datasets.corpora.text import joined, local_names, paragraph_without
from app.datasets.corpora.xpath import compiled, first_string, qualified

Path = Callable[[etree._Element], Any]


class InlineOptions(NamedTuple):
    """What a corpus is configured with; each value as in `app.config.ideo.corpora.InlineReader`."""

    turn: str
    metadata: str
    namespaces: Mapping[str, str]
    where: str | None
    text: str
    exclude: Sequence[str]
    fields: Mapping[str, str]
    header_fields: Mapping[str, str]


class _Paths:
    """The reader's names and expressions, for files in the TEI namespace or in none."""

    def __init__(self, options: InlineOptions, namespaced: bool) -> None:
        def path(expression: str, key: str) -> Path:
            return compiled(expression, options.namespaces, namespaced, f"reader.{key}")

        self.turn = qualified(options.turn, options.namespaces, namespaced, "reader.turn")
        self.metadata = path(options.metadata, "metadata")
        self.where = path(f"boolean({options.where})", "where") if options.where else None
        self.text = path(options.text, "text")
        self.header = {
            name: path(expression, f"header_fields.{name}")
            for name, expression in options.header_fields.items()
        }


class Inline:
    """Reads turns (`TeiDocuments`). The field `sitting` is the TEI's id, else the file's name."""

    def __init__(self, options: InlineOptions) -> None:
        self._attributes = options.fields
        self._header_names = tuple(options.header_fields)
        self._exclude = local_names(options.exclude)
        self._paths = {flag: _Paths(options, flag) for flag in (True, False)}

    def inner(self, namespaced: bool) -> list[str]:
        return [self._paths[namespaced].turn]

    def header(self, tei: etree._Element, stem: str) -> Header:
        paths = self._paths[is_namespaced(tei)].header
        said = {name: first_string(path(tei)) for name, path in paths.items()}
        return {**said, "sitting": tei.get(XML_ID) or stem, XML_LANG: tei.get(XML_LANG)}

    def documents(self, element: etree._Element, header: Header) -> Iterator[Found]:
        paths = self._paths[is_namespaced(element)]
        for metadata in paths.metadata(element):
            if paths.where is not None and not paths.where(metadata):
                continue
            text = joined(paragraph_without(p, self._exclude) for p in paths.text(metadata))
            yield Found(
                own_id(metadata) or own_id(element),
                element.get(XML_LANG) or header[XML_LANG],
                None,
                [
                    *(metadata.get(attribute) or None for attribute in self._attributes.values()),
                    *(header[name] for name in self._header_names),
                    header["sitting"],
                ],
                text,
            )
