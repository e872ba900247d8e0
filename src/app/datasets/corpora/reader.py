"""What a reader of TEI is: it names the elements that are documents and reads one of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from lxml import etree

from app.datasets.corpora.text import Text

TEI_NAMESPACE = "http://www.tei-c.org/ns/1.0"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

Header = Mapping[str, str | None]  # what a <TEI> says for all documents inside it


class Found(NamedTuple):
    """A document as it stands in the corpus; None where the document does not say."""

    id: str | None
    language: str | None
    modality: str | None
    fields: Sequence[str | None]  # in the order of the reader's field names
    text: Text


class TeiDocuments(Protocol):
    """A reader. It meets files in the TEI namespace and files in none, hence `namespaced`."""

    def inner(self, namespaced: bool) -> list[str]:
        """Names (lxml form) of the elements inside a <TEI> that are documents; [] : the <TEI>."""
        ...

    def header(self, tei: etree._Element, stem: str) -> Header:
        """What the <TEI> says, read once, when its teiHeader is complete. `stem`: file name."""
        ...

    def documents(self, element: etree._Element, header: Header) -> Iterator[Found]:
        """The documents an element holds: one, none (it fails `where`), or several."""
        ...


def own_id(element: etree._Element) -> str | None:
    """@xml:id, else @n."""
    name: str | None = element.get(XML_ID) or element.get("n")
    return name


def is_namespaced(element: etree._Element) -> bool:
    """Whether an element is in the TEI namespace; files in none have bare names."""
    return str(element.tag).startswith(f"{{{TEI_NAMESPACE}}}")
