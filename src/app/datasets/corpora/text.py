"""The text of a document: its paragraphs, white space normalised, joined by newlines."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lxml import etree

BREAKS = bytes(byte in b" \n" for byte in range(256))  # for bytes.translate: 1 where words part
# What str.split() takes for white space and XML allows, the space itself aside.
ODD_SPACES = (
    *"\t\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000",
)


class Text(NamedTuple):
    """A document's text, encoded once: processes and frames pass it on as bytes."""

    utf8: bytes
    chars: int
    words: int  # white-space tokens


def joined(paragraphs: Iterable[str | None]) -> Text:
    """The text of these paragraphs.

    Inside a paragraph, every run of white space becomes one space; empty paragraphs are left out.
    Most text is already so, and looking is cheaper than splitting and joining every word. Words are
    counted on the bits of one large integer, in two thirds of the time `count` and `in` would take.
    """
    parts = [part for paragraph in paragraphs if paragraph and (part := paragraph.strip())]
    text = "\n".join(parts)
    utf8 = text.encode()
    breaks = int.from_bytes(utf8.translate(BREAKS), "little")
    side_by_side = breaks & (breaks >> 8)
    if not side_by_side and text.count("\n") == len(parts) - 1 and not _has_odd_space(text):
        return Text(utf8, len(text), breaks.bit_count() + 1)
    words = [part.split() for part in parts]
    text = "\n".join(map(" ".join, words))
    return Text(text.encode(), len(text), sum(map(len, words)))


def _has_odd_space(text: str) -> bool:
    for space in ODD_SPACES:  # noqa: SIM110  # `any` would take twice the time
        if space in text:
            return True
    return False


def paragraph(element: etree._Element) -> str | None:
    """All text inside an element."""
    text: str | None = "".join(element.itertext()) if len(element) else element.text
    return text


def paragraph_without(element: etree._Element, exclude: frozenset[str]) -> str | None:
    """The text inside an element, without that of elements whose local name is in `exclude`.

    What follows an excluded element stays, and a space stands for the element.
    """
    if not len(element):
        return paragraph(element)
    parts: list[str] = []
    _collect(element, exclude, parts)
    return "".join(parts)


def _collect(element: etree._Element, exclude: frozenset[str], parts: list[str]) -> None:
    parts.append(element.text or "")
    for child in element:
        if str(child.tag).rpartition("}")[2] in exclude:
            parts.append(" ")
        else:
            _collect(child, exclude, parts)
        parts.append(child.tail or "")


def local_names(names: Sequence[str]) -> frozenset[str]:
    """Names as compared by `paragraph_without`: `tei:note` is `note`."""
    return frozenset(name.rpartition(":")[2] for name in names)
