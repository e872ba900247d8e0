"""Two files of equal length: line i of one says `name<TAB>split<TAB>label`, line i of the other is
the text. A split that contains `test` or `train` is that word."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from app.datasets.corpora.cutting import Bad
from app.datasets.corpora.files import CorpusFile
from app.datasets.corpora.reader import Found
from app.datasets.corpora.text import joined
from app.errors import InputError


def paired_documents(labels: CorpusFile, texts: Path, encoding: str) -> Iterator[Found | Bad]:
    """One document a line.

    Raises:
        InputError: a file is absent or empty, or one has more lines than the other.
    """
    try:
        with (
            labels.path.open(encoding=encoding, newline="\n") as said,
            texts.open(encoding=encoding, newline="\n") as written,
        ):
            for number, (label, text) in enumerate(zip_longest(said, written), start=1):
                if label is None or text is None:
                    short = labels.path if label is None else texts
                    raise InputError(f"{short}: ends before line {number}; the pair has more lines")
                yield _document(
                    label.rstrip("\r\n").split("\t"), text, f"{labels.name}, line {number}"
                )
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(
            f"{labels.path} or {texts}: not {encoding} ({error}); set `encoding` of the corpus"
        ) from None


def _document(said: list[str], text: str, place: str) -> Found | Bad:
    if len(said) != 3:
        return Bad(f"{len(said)} tab-separated values, 3 expected (name, split, label)", place)
    name, split, label = (value.strip() or None for value in said)
    plain = next((word for word in ("train", "test") if word in (split or "")), split)
    return Found(name, None, None, [plain, label], joined([text]))
