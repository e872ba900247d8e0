"""Documents inside a <TEI> (utterances, turns): read as the file streams by, then freed.

The parser is fed piece by piece and tells when a document is complete; whatever has been passed is
taken off the tree, so that one <TEI> may be of any length. A malformed <TEI> loses what follows the
fault inside it; reading goes on at the next <TEI>.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from lxml import etree

from app.datasets.corpora.cutting import MAX_DOCUMENT, START, TEI_NAMES, Bad, Prolog
from app.datasets.corpora.files import ByteStream
from app.datasets.corpora.hardened import piecewise_parser, reason
from app.datasets.corpora.reader import TEI_NAMESPACE, Found, Header, TeiDocuments

PIECE = 2**16
HEADERS = (f"{{{TEI_NAMESPACE}}}teiHeader", "teiHeader")


class InsideDocuments:
    """The documents inside the <TEI>s of a stream whose prolog has been read up to `buffer`."""

    def __init__(
        self, stream: ByteStream, name: str, prolog: Prolog, buffer: bytes, reader: TeiDocuments
    ) -> None:
        self._stream, self._name, self._prolog, self._reader = stream, name, prolog, reader
        self._pending = buffer
        self._stem = PurePosixPath(name.removesuffix(".gz")).stem
        self._inner = frozenset(reader.inner(True) + reader.inner(False))
        self._tei: etree._Element | None = None
        self._header: Header | None = None
        self._since_last = 0  # bytes fed since a document was complete

    def read(self) -> Iterator[Found | Bad]:
        """The documents, in order."""
        parser, first_line = self._fresh_parser(), self._prolog.line
        line = first_line
        broken = False
        for piece in self._pieces():
            if broken and START.match(piece):
                parser, first_line, broken = self._fresh_parser(), line, False
            line += piece.count(b"\n")
            if broken:
                continue
            fault: etree.XMLSyntaxError | None = None
            try:
                parser.feed(piece)
            except etree.XMLSyntaxError as error:
                fault = error
            yield from self._complete(parser)
            if fault is not None:
                broken = True
                yield self._bad(f"malformed XML: {reason(fault)}", fault.lineno, first_line)
            elif self._too_large(len(piece)):
                broken = True
                yield self._bad(f"a document larger than {MAX_DOCUMENT >> 20} MB", None, line)
        if not broken:
            yield from self._closed(parser, first_line)

    def _fresh_parser(self) -> etree.XMLPullParser:
        self._tei = self._header = None
        self._since_last = 0
        parser = piecewise_parser(self._stream.encoding, [*self._inner, *HEADERS, *TEI_NAMES])
        if self._prolog.prefix:
            parser.feed(self._prolog.prefix)
        return parser

    def _pieces(self) -> Iterator[bytes]:
        """The stream, cut before every `<TEI` so that reading can start again there."""
        held = self._pending
        while True:
            data = self._stream.read(PIECE)
            held += data
            keep = held.rfind(b"<") if data else len(held)  # a tag may still be incomplete
            ready, held = (held, b"") if keep < 0 else (held[:keep], held[keep:])
            cuts = [match.start() for match in START.finditer(ready)]
            for begin, end in zip([0, *cuts], [*cuts, len(ready)], strict=True):
                if begin < end:
                    yield ready[begin:end]
            if not data:
                return

    def _complete(self, parser: etree.XMLPullParser) -> Iterator[Found | Bad]:
        for event, element in parser.read_events():
            name = element.tag
            if name in TEI_NAMES:
                self._tei = element if event == "start" else None
                self._header = None
                if event == "end":
                    _forget(element)
            elif event == "start":
                continue
            elif name in self._inner:
                if next(element.iterancestors(*self._inner), None) is None:
                    self._since_last = 0
                    yield from self._reader.documents(element, self._header_of(element))
                    element.clear()
            elif self._tei is not None and element.getparent() is self._tei:
                self._header = self._reader.header(self._tei, self._stem)

    def _header_of(self, element: etree._Element) -> Header:
        if self._header is None:
            tei = self._tei if self._tei is not None else element
            self._header = self._reader.header(tei, self._stem)
        return self._header

    def _too_large(self, fed: int) -> bool:
        """Frees what has been passed; whether a document has been open for too long."""
        self._since_last += fed
        node = self._tei
        while node is not None and len(node):
            del node[:-1]
            node = node[-1]
            if node.tag in HEADERS or node.tag in self._inner:
                return self._since_last > MAX_DOCUMENT
        return False

    def _closed(self, parser: etree.XMLPullParser, first_line: int) -> Iterator[Found | Bad]:
        try:
            parser.close()
        except etree.XMLSyntaxError as error:
            yield from self._complete(parser)
            what = "gzip file" if self._stream.ended_early else "file"
            problem = f"truncated: the {what} ends inside an element ({reason(error)})"
            yield self._bad(problem, error.lineno, first_line)
        else:
            yield from self._complete(parser)

    def _bad(self, problem: str, line: int | None, first_line: int) -> Bad:
        place = f"{self._name}, line {first_line + (line or 1) - 1}"
        return Bad(f"{problem}; the rest of this <TEI> was not read", place)


def _forget(tei: etree._Element) -> None:
    tei.clear()
    around = tei.getparent()
    if around is not None:
        del around[:-1]
