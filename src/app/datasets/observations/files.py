"""The files of a run: found, unpacked where they are gzipped, noted with their SHA-256."""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import InputError, nearest

GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class Content:
    """What a file holds, unpacked."""

    path: Path  # where it was found
    data: bytes
    sha256: str  # of the file as it is on disk

    def text(self) -> str:
        r"""UTF-8, UTF-16 with its mark, else Latin-1 (which only names and comments can need);
        lines end with `\n`, whatever they ended with.

        Raises: InputError where it is no text.
        """
        marks = (name for mark, name in _BYTE_ORDER_MARKS.items() if self.data.startswith(mark))
        encoding = next(marks, "utf-8")
        try:
            text = self.data.decode(encoding)
        except UnicodeDecodeError:
            text = self.data.decode("latin-1")
        if "\0" in text:
            raise InputError(f"{self.path} is not a text file: it holds zero bytes")
        return text.replace("\r\n", "\n").replace("\r", "\n")


class Files:
    """Reads files whose paths are relative to `data_root`, and remembers which they were.

    A file may be gzipped, whatever its name; `NAME` that is absent is looked for as `NAME.gz`.
    """

    def __init__(self, data_root: Path) -> None:
        self._data_root = data_root
        self.digests: dict[str, str] = {}  # path, relative to data_root if inside -> SHA-256

    def read(self, path: str, beside: Path | None = None) -> Content:
        """A file of the config; one that is named in another file is looked for `beside` that
        one, then in data_root, then by its name alone beside that one (releases say `data/NAME`,
        from the folder they were unpacked in).

        Raises: InputError where it is absent, unreadable or a torn gzip file.
        """
        folders = [self._data_root] if beside is None else [beside, self._data_root]
        wanted = [folder / path for folder in folders]
        if beside is not None:
            wanted.append(beside / Path(path).name)
        found = _found(path, wanted)
        try:
            stored = found.read_bytes()
        except OSError as error:
            raise InputError(f"{found} cannot be read: {error.strerror}") from error
        digest = hashlib.sha256(stored).hexdigest()
        self.digests[self._key(found)] = digest
        return Content(found, _unpacked(found, stored), digest)

    def _key(self, found: Path) -> str:
        inside = found.is_relative_to(self._data_root)
        return (found.relative_to(self._data_root) if inside else found).as_posix()


def _found(path: str, wanted: Sequence[Path]) -> Path:
    try:
        for place in wanted:
            for file in (place, place.with_name(f"{place.name}.gz")):
                if file.is_file():
                    return file
        folders = [place.parent for place in wanted if place.parent.is_dir()]
        known = [file.name for folder in folders for file in folder.iterdir() if file.is_file()]
    except OSError as error:
        raise InputError(f"{wanted[0]} cannot be read: {error.strerror}") from error
    if wanted[0].is_dir():
        raise InputError(f"{wanted[0]} is a folder; a file is needed")
    looked = " or ".join(dict.fromkeys(str(place) for place in wanted))
    if not folders:
        raise InputError(f"there is no file {looked}, nor its folder; see data_root")
    raise InputError(f"there is no file {looked}{nearest(Path(path).name, known)}")


def _unpacked(path: Path, stored: bytes) -> bytes:
    if not stored.startswith(GZIP):
        return stored
    try:
        return gzip.decompress(stored)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is a damaged gzip file ({error}); fetch it again") from error
