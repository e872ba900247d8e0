"""An XML parser for files nobody vouches for.

It loads no DTD, fetches nothing, replaces no entity, and keeps libxml2's limits (256 nested
elements, 10 MB a text node). A DOCTYPE that declares anything is refused before libxml2 sees it,
because attribute values are expanded whatever the parser is told ("billion laughs").
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from app.datasets.corpora.files import opened
from app.errors import InputError

MAX_LIST_BYTES = 512 * 2**20  # a list of persons is read whole
DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^\[>\"']*)*([\[>])")
POSITION = re.compile(r", line \d+, column \d+.*$", re.DOTALL)

OPTIONS: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "collect_ids": False,
}


@cache
def whole_parser(encoding: str) -> etree.XMLParser:
    """The parser of whole documents, one a process and encoding, used again and again."""
    return etree.XMLParser(encoding=encoding, **OPTIONS)


def piecewise_parser(encoding: str, tags: list[str]) -> etree.XMLPullParser:
    """A parser fed piece by piece, which tells where elements of `tags` begin and end."""
    return etree.XMLPullParser(events=("start", "end"), tag=tags, encoding=encoding, **OPTIONS)


def without_doctype(prolog: bytes, path: Path) -> bytes:
    """The bytes before the root with a bare DOCTYPE blanked out.

    Raises:
        InputError: the DOCTYPE has an internal subset, where entities are declared.
    """
    start = prolog.find(b"<!DOCTYPE")
    if start < 0:
        return prolog
    line = prolog.count(b"\n", 0, start) + 1
    match = DOCTYPE.match(prolog, start)
    if match is None or match[1] == b"[":
        raise InputError(
            f"{path}, line {line}: DOCTYPE with an internal subset; files that declare entities "
            "are refused (they can expand without end, or read other files). Remove it"
        )
    blank = re.sub(rb"[^\n]", b" ", match[0])
    return prolog[:start] + blank + prolog[match.end() :]


def reason(error: etree.XMLSyntaxError) -> str:
    """What is wrong, in words and with its line, as lxml tells it for the bytes it was given."""
    message = POSITION.sub("", error.msg or "not well-formed")
    if "Excessive depth" in message or "maximum depth" in message.lower():
        message = "elements nested more than 256 deep"
    elif "not proper UTF-8" in message or "encoding" in message.lower():
        message = f"{message.splitlines()[0].rstrip('!. ')} (set `encoding` of the corpus?)"
    return message.strip()


def read_tree(path: Path) -> etree._Element:
    """The root of a small file (persons, organisations, a taxonomy), whole.

    Raises:
        InputError: absent, too large, hostile or malformed; with file and line.
    """
    with opened(path, None) as stream:
        data = stream.read(MAX_LIST_BYTES)
        if len(data) >= MAX_LIST_BYTES:
            raise InputError(f"{path}: larger than {MAX_LIST_BYTES >> 20} MB; is it a list?")
        if not data.strip():
            raise InputError(f"{path}: the file is empty")
        try:
            return etree.fromstring(without_doctype(data, path), whole_parser(stream.encoding))
        except etree.XMLSyntaxError as error:
            place = f"{path}, line {error.lineno}"
            raise InputError(f"{place}: malformed XML: {reason(error)}") from None
