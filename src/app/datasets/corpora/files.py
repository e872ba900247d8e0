"""The files of a corpus, and their bytes as a stream the XML parser can take piece by piece.

Encodings that spell `<` and `>` as ASCII does go through untouched, so that a place in the stream
is a place in the file; the others (UTF-16, ...) are recoded to UTF-8 on the way.
"""

import codecs
import glob
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, NamedTuple

from app.errors import InputError

DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark begins alike
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ASCII_LIKE = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d|koi8-[ru]")


class CorpusFile(NamedTuple):
    """One file: where it is, and its name inside the corpus, used in reports."""

    path: Path
    name: str


def corpus_files(path: str, exclude: Sequence[str] = (), suffix: str = ".xml") -> list[CorpusFile]:
    """The files `path` (a file, a folder, a glob) stands for, sorted by name.

    Raises:
        InputError: there is no such path, or no file in it.
    """
    place = Path(path)
    if place.is_file():
        return [CorpusFile(place, place.name)]
    if place.is_dir():
        base, found = place, [p for p in place.rglob("*") if _is_text_file(p, suffix)]
    else:
        base = _folder_of_glob(path)
        found = [p for p in map(Path, glob.glob(path, recursive=True)) if p.is_file()]
        if not found:
            raise InputError(f"corpus path {path!r} names no file; check `path` and `data_root`")
    files = [CorpusFile(p, p.relative_to(base).as_posix()) for p in found]
    kept = [f for f in files if not any(fnmatch(f.path.name, pattern) for pattern in exclude)]
    if not kept:
        raise InputError(f"corpus path {path!r} holds no *{suffix} or *{suffix}.gz file to read")
    return sorted(kept, key=lambda file: file.name)


class ByteStream:
    """Reads a file's bytes forwards.

    Attributes:
        encoding: what the parser is told the bytes are in.
        ended_early: the file is a gzip file that stops before its end.
        seekable: a place in the stream is a place in the file.
    """

    def __init__(self, raw: IO[bytes], path: Path, encoding: str | None) -> None:
        self._raw, self._path = raw, path
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        self._plain: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if zipped else raw
        self.ended_early = False
        self._head = self._read(1024)
        found = encoding or _encoding_of(self._head)
        name = _known_encoding(found, path)
        recode = ASCII_LIKE.fullmatch(name) is None
        self.encoding = "utf-8" if recode else name
        self.seekable = not (zipped or recode)
        self._decoder = codecs.getincrementaldecoder(name)("strict") if recode else None
        self._decoded_name = found

    def read(self, size: int) -> bytes:
        """At most about `size` bytes; b"" at the end."""
        data, self._head = self._head, b""
        if len(data) < size:
            data += self._read(size - len(data))
        return data if self._decoder is None else self._recoded(data)

    def seek(self, offset: int) -> None:
        """Goes to a byte of the file; only when `seekable`."""
        self._head = b""
        self._raw.seek(offset)

    def raw_position(self) -> int:
        """Bytes of the file itself read so far, for progress."""
        return self._raw.tell()

    def _read(self, size: int) -> bytes:
        try:
            return self._plain.read(size)
        except EOFError:
            self.ended_early = True
            return b""
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"{self._path}: damaged gzip file ({error})") from None

    def _recoded(self, data: bytes) -> bytes:
        assert self._decoder is not None
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._path}, near byte {self.raw_position()}: not {self._decoded_name} "
                f"({error.reason}); set `encoding` of the corpus"
            ) from None
        if data and not text:  # the first half of a character: not the end of the file
            return self.read(64)
        return text.encode("utf-8")


@contextmanager
def opened(path: Path, encoding: str | None) -> Iterator[ByteStream]:
    """The file as a `ByteStream`. `encoding` overrides what the file declares."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    with raw:
        yield ByteStream(raw, path, encoding)


def _encoding_of(head: bytes) -> str:
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    if head[:4] == b"<\0?\0":
        return "utf-16-le"
    if head[:4] == b"\0<\0?":
        return "utf-16-be"
    declared = DECLARED.search(head)
    return declared[1].decode() if declared else "utf-8"


def _known_encoding(name: str, path: Path) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise InputError(
            f"{path}: unknown encoding {name!r}; set `encoding` of the corpus"
        ) from None


def _is_text_file(path: Path, suffix: str) -> bool:
    return path.is_file() and path.name.endswith((suffix, f"{suffix}.gz"))


def _folder_of_glob(pattern: str) -> Path:
    fixed = list(Path(pattern).parts)
    for number, part in enumerate(fixed):
        if glob.has_magic(part):
            return Path(*fixed[:number]) if number else Path()
    return Path(pattern).parent
