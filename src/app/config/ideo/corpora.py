"""Where texts come from: each corpus is an id, its files, and the reader that understands them."""

from typing import Annotated, Literal

from pydantic import Field

from app.config.base import Group

PARLAMINT_FIELDS = (
    "speaker",
    "gender",
    "role",
    "party",
    "orientation",
    "ches",
    "status",
    "sitting",
    "date",
)


class TeiReader(Group):
    """Any TEI: which element is a document, and an XPath for each of its fields.

    Names without a prefix are looked up in the TEI namespace and, where the file declares none,
    without namespace; other prefixes are declared in `namespaces`.
    """

    kind: Literal["tei"]
    document: str = "TEI"  # the element that makes one document: `TEI`, `u`, `mpt:metadata`
    namespaces: dict[str, str] = {}  # prefix -> URI, beside `tei`
    where: str | None = None  # XPath condition on the document element; others are not read
    id: str | None = None  # XPath of the document's id; null: @xml:id, else @n, else a counter
    text: str = "tei:text/tei:body//tei:p"  # XPath of the elements whose text is read, in order
    exclude: list[str] = []  # local names of elements whose text is left out (note, vocal, ...)
    fields: dict[str, str] = {}  # field -> XPath on the document element
    header_fields: dict[str, str] = {}  # field -> XPath on the enclosing <TEI>, once per <TEI>

    def field_names(self) -> tuple[str, ...]:
        return (*self.fields, *self.header_fields)


class ClassicReader(Group):
    """Preset: one `<teiCorpus>` of many `<TEI>`, metadata in `textClass/keywords/term[@type]`,
    language in `langUsage/language/@ident`, text in `text/body/div/{head,p}`."""

    kind: Literal["classic"]
    terms: list[str] = [
        "domain",
        "crawl",
        "modality",
        "published",
        "class",
        "suffix",
        "ideology",
        "actor",
    ]  # the `term/@type` values kept as fields

    def field_names(self) -> tuple[str, ...]:
        return tuple(term for term in self.terms if term != "modality")


class InlineReader(Group):
    """Preset: transcripts whose turns carry their metadata as attributes of one inline element."""

    kind: Literal["inline"]
    turn: str = "tei:sp"  # the element that makes one turn
    metadata: str = "mpt:metadata"  # its child (or `.`) that carries the attributes
    namespaces: dict[str, str] = {"mpt": "http://mpt.ethelred.fr/ns/0.0/"}
    where: str | None = None  # XPath condition on the metadata element
    text: str = ".//tei:p"  # XPath under the metadata element
    exclude: list[str] = []
    fields: dict[str, str]  # field -> attribute of the metadata element
    header_fields: dict[str, str] = {}  # field -> XPath on the enclosing <TEI>

    def field_names(self) -> tuple[str, ...]:
        return (*self.fields, *self.header_fields, "sitting")


class ParlaMintReader(Group):
    """Preset: ParlaMint. Speaker -> dated affiliation -> party -> orientation, across the
    listPerson, listOrg and taxonomy files. Fields: `PARLAMINT_FIELDS`."""

    kind: Literal["parlamint"]
    persons: str  # listPerson file
    orgs: str  # listOrg file
    taxonomy: str | None = None  # political-orientation taxonomy; null: ids are used as labels
    roles: list[str] = ["regular"]  # values of u/@ana read as documents; [] reads all

    def field_names(self) -> tuple[str, ...]:
        return PARLAMINT_FIELDS


class PairedLinesReader(Group):
    """Two files of equal length: `name<TAB>split<TAB>label` lines, and one text a line."""

    kind: Literal["paired_lines"]
    texts: str  # the file of texts; the corpus `path` is the file of labels

    def field_names(self) -> tuple[str, ...]:
        return ("split", "label")


Reader = Annotated[
    TeiReader | ClassicReader | InlineReader | ParlaMintReader | PairedLinesReader,
    Field(discriminator="kind"),
]


class Corpus(Group):
    """One source of documents."""

    path: str  # a file, a folder (its *.xml and *.xml.gz), or a glob
    reader: Reader
    language: str  # ISO 639-1, used where a document does not say
    modality: str  # `web`, `speech`, ..., used where a document does not say
    encoding: str | None = None  # null: as the file declares
    exclude: list[str] = []  # file-name globs left out (lists and taxonomies beside the texts)

    def field_names(self) -> tuple[str, ...]:
        return self.reader.field_names()
