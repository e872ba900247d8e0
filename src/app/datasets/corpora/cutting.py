"""Cutting a TEI file into blocks of whole documents, each parsed on its own.

A block runs from one `<TEI` to a later one and is parsed between the start tags that enclose it in
the file. If libxml2 accepts it, the cuts were right: a `<TEI` inside a comment, CDATA section or
instruction would have left that construct open. Only a refused block is gone through document by
document, with those constructs told apart, so that a malformed document costs itself alone and is
named by its byte. Memory is that of a block, or of the largest document (at most `MAX_DOCUMENT`).
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from app.datasets.corpora.files import ByteStream
from app.datasets.corpora.hardened import reason, whole_parser, without_doctype
from app.datasets.corpora.reader import TEI_NAMESPACE
from app.errors import InputError

BLOCK = 2**17
MAX_DOCUMENT = 64 * 2**20
MAX_PROLOG = 16 * 2**20

CLOSERS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}  # what may hide a tag
START = re.compile(rb"<(?:[A-Za-z_][\w.\-]*:)?TEI(?=[\s/>])")
CONSTRUCT = re.compile(rb"<!--|<!\[CDATA\[|<\?|</?(?:[A-Za-z_][\w.\-]*:)?TEI(?=[\s/>])")
TAG = re.compile(rb"<(/?)([^\s<>/!?\"']+)((?:\"[^\"]*\"|'[^']*'|[^>\"'])*?)(/?)>")
ID = re.compile(rb"<[^>]*?\sxml:id\s*=\s*[\"']([^\"'<>]+)")
TEI_NAMES = (f"{{{TEI_NAMESPACE}}}TEI", "TEI")


class Prolog(NamedTuple):
    """What stands before the first <TEI>."""

    start: int  # the byte where the first <TEI> begins
    line: int  # and its line
    tag: bytes  # how the file spells it: `<TEI`, `<tei:TEI`
    prefix: bytes  # the start tags that enclose the documents, on one line
    suffix: bytes  # their end tags
    depth: int  # how many they are


class Bad(NamedTuple):
    """A document that cannot be read."""

    problem: str
    place: str
    id: str | None = None


def read_prolog(stream: ByteStream, path: Path) -> tuple[Prolog, bytes]:
    """The prolog, and the bytes read from the first <TEI> on.

    Raises:
        InputError: the file is empty, has no <TEI>, or its prolog is hostile or malformed.
    """
    data = b""
    while True:
        more = stream.read(max(BLOCK, len(data)))
        data += more
        start = _first_start(without_doctype(data, path))
        if start is not None:
            break
        if not more or len(data) > MAX_PROLOG:
            raise InputError(_why_no_tei(data, path))
    before = without_doctype(data[:start], path)
    open_tags = _open_tags(before)
    suffix = b"".join(b"</" + tag[2] + b">" for tag in reversed(open_tags))
    if open_tags:
        _require_well_formed(before.removeprefix(b"\xef\xbb\xbf") + suffix, stream, path)
    spelled = START.match(data, start)
    assert spelled is not None
    prefix = b"".join(re.sub(rb"\s", b" ", tag[0]) for tag in open_tags)
    line = data.count(b"\n", 0, start) + 1
    return Prolog(start, line, spelled[0], prefix, suffix, len(open_tags)), data[start:]


class WholeDocuments:
    """The <TEI> elements of a stream, from byte `offset` on, where `buffer` begins.

    Iterate `read`; afterwards `end` is the byte of the first document not read.
    """

    def __init__(
        self, stream: ByteStream, name: str, prolog: Prolog, offset: int, buffer: bytes
    ) -> None:
        self._stream, self._name, self._prolog = stream, name, prolog
        self._parser = whole_parser(stream.encoding)
        self._buffer, self.end = buffer, offset

    def read(self, stop: int | None) -> Iterator[etree._Element | Bad]:
        """Documents that begin before byte `stop` (None: all), in order."""
        refused = -1  # a cut that fell inside a comment, and is not tried again
        skipping = False  # inside a document too large to hold
        more = True
        while more:
            data = self._stream.read(max(BLOCK, len(self._buffer)))
            more = bool(data)
            self._buffer += data
            cut = self._cut(stop, refused) if more else len(self._buffer)
            too_large = more and len(self._buffer) > MAX_DOCUMENT
            if skipping:
                following = START.search(self._buffer, 1)
                kept = BLOCK if more else 0
                self._drop(following.start() if following else max(len(self._buffer) - kept, 0))
                skipping = following is None
                continue
            if cut == 0 and too_large:
                yield self._bad(f"larger than {MAX_DOCUMENT >> 20} MB", self._buffer, 0)
                skipping = True
            if cut == 0:
                continue
            used = yield from self._block(self._buffer[:cut], not more, too_large)
            refused = self.end + cut if used < cut else -1
            self._drop(used)
            if stop is not None and self.end >= stop and used == cut:
                return

    def _cut(self, stop: int | None, refused: int) -> int:
        """Where the block ends: at the first <TEI that `stop` allows, else at the last; 0: none."""
        tag, buffer = self._prolog.tag, self._buffer
        if stop is not None and self.end + len(buffer) > stop:
            at = max(stop, refused + 1) - self.end
            if match := START.search(buffer, max(at, 1)):
                return match.start()
        at = buffer.rfind(tag)
        while at > 0 and not START.match(buffer, at):
            at = buffer.rfind(tag, 0, at)
        return max(at, 0)

    def _drop(self, count: int) -> None:
        self._buffer = self._buffer[count:]
        self.end += count

    def _block(
        self, data: bytes, last: bool, give_up: bool
    ) -> Generator[etree._Element | Bad, None, int]:
        """The documents of a block; returns how many of its bytes are done with."""
        try:
            yield from self._parsed(data, b"" if last else self._prolog.suffix)
        except etree.XMLSyntaxError:
            return (yield from self._one_by_one(data, last, give_up))
        return len(data)

    def _parsed(self, data: bytes, suffix: bytes) -> list[etree._Element]:
        root = etree.fromstring(self._prolog.prefix + data + suffix, self._parser)
        if self._prolog.depth == 0:
            return [root]
        for _ in range(self._prolog.depth - 1):
            root = root[0]
        return list(root.iterchildren(*TEI_NAMES))

    def _one_by_one(
        self, data: bytes, last: bool, give_up: bool
    ) -> Generator[etree._Element | Bad, None, int]:
        position = 0
        truncated = False
        while True:
            tag = next((m for m in _visible(data, position) if m[0][:2] != b"</"), None)
            if tag is None or tag[0] in CLOSERS:
                if last and not truncated:
                    yield from self._tail(data, position)
                return len(data) if last or tag is None else tag.start()
            end = _end_of_document(data, tag.end())
            if end is None and not (last or give_up):
                return tag.start()
            if end is None:  # never closed, or hidden by what is: go on at whatever begins next
                following = START.search(data, tag.end())
                end = following.start() if following else len(data)
                truncated = following is None and last
            try:
                found = self._parsed(data[tag.start() : end], self._prolog.suffix)
            except etree.XMLSyntaxError as error:
                problem = self._truncated() if truncated else _malformed(error)
                yield self._bad(problem, data, tag.start())
            else:
                yield from found
            position = end

    def _truncated(self) -> str:
        what = "gzip file" if self._stream.ended_early else "file"
        return f"truncated: the {what} ends inside this document"

    def _tail(self, data: bytes, position: int) -> Iterator[Bad]:
        """What follows the last document must close what the prolog opened."""
        enclosing = self._prolog.prefix or b"<TEI/>"
        try:
            etree.fromstring(enclosing + data[position:], self._parser)
        except etree.XMLSyntaxError as error:
            problem = f"malformed XML after the last document: {reason(error)}"
            yield Bad(problem, f"{self._name}, byte {self.end + position}")

    def _bad(self, problem: str, data: bytes, at: int) -> Bad:
        named = ID.match(data, at)
        found = named[1].decode("utf-8", "replace") if named else None
        return Bad(problem, f"{self._name}, byte {self.end + at}", found)


def _malformed(error: etree.XMLSyntaxError) -> str:
    return f"malformed XML: {reason(error)} (line {error.lineno} of the document)"


def _visible(data: bytes, position: int) -> Iterator[re.Match[bytes]]:
    """Tags of <TEI> that no comment, CDATA section or instruction hides.

    If one of these is still open at the end of `data`, its opening is the last item.
    """
    while match := CONSTRUCT.search(data, position):
        closer = CLOSERS.get(match[0])
        position = match.end()
        if closer is None:
            yield match
            continue
        position = data.find(closer, position) + len(closer)
        if position < len(closer):
            yield match
            return


def _end_of_document(data: bytes, position: int) -> int | None:
    """Where the document whose start tag ends at `position` ends; None: not in `data`."""
    following = next(_visible(data, position), None)
    if following is None or following[0] in CLOSERS:
        return None
    if following[0][:2] != b"</":  # the next document begins, this one was not closed
        return following.start()
    return data.find(b">", following.end()) + 1 or None


def _first_start(data: bytes) -> int | None:
    first = next((m for m in _visible(data, 0) if m[0][:2] != b"</"), None)
    return first.start() if first is not None and first[0] not in CLOSERS else None


def _open_tags(prolog: bytes) -> list[re.Match[bytes]]:
    """The start tags that are still open at the end of the prolog, outermost first."""
    visible = re.sub(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", b"", prolog, flags=re.DOTALL)
    stack: list[re.Match[bytes]] = []
    for tag in TAG.finditer(visible):
        if tag[1] and stack:
            stack.pop()
        elif not (tag[1] or tag[4]):
            stack.append(tag)
    return stack


def _require_well_formed(prolog: bytes, stream: ByteStream, path: Path) -> None:
    try:
        etree.fromstring(prolog.lstrip(), whole_parser(stream.encoding))
    except etree.XMLSyntaxError as error:
        place = f"{path}, line {error.lineno}"
        raise InputError(
            f"{place}: malformed XML before the first <TEI>: {reason(error)}"
        ) from None


def _why_no_tei(data: bytes, path: Path) -> str:
    if not data.strip():
        return f"{path}: the file is empty"
    where = f"in its first {MAX_PROLOG >> 20} MB" if len(data) > MAX_PROLOG else "in the file"
    return f"{path}: no <TEI> element {where}; is it TEI? `exclude` leaves files of a corpus out"
