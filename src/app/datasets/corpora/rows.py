"""Documents as rows: lists of plain values, cheap to build and to pass between processes."""

from collections.abc import Sequence
from typing import NamedTuple

from app.datasets.corpora.cutting import Bad
from app.datasets.corpora.reader import Found
from app.datasets.corpora.source import Source
from app.datasets.tokens import token_counter

BATCH_CHARS = 1_000_000
BATCH_ROWS = 4_000
BASE = ("id", "language", "modality")
MEASURES = ("n_chars", "n_tokens", "problem", "place")

Value = str | int | None


class Batch(NamedTuple):
    """Some documents."""

    columns: list[Sequence[Value]]  # in the order of `column_names`
    texts: list[bytes]  # UTF-8
    read: int  # how many bytes of the corpus they took


def own_fields(names: Sequence[str]) -> list[str]:
    """A reader's fields that are columns of their own: `language` and `modality` already are."""
    return [name for name in dict.fromkeys(names) if name not in BASE]


def column_names(fields: Sequence[str]) -> tuple[str, ...]:
    """The columns of a batch. `id` is without the corpus's prefix, and null where a counter
    stands for it; `place` is the file's name for documents that can be read."""
    return (*BASE, *own_fields(fields), *MEASURES)


class Rows:
    """Collects documents until there are enough for a batch."""

    def __init__(self, source: Source, tokenizer: str) -> None:
        names = source.fields
        self._language, self._modality = source.language, source.modality
        self._taken = [names.index(name) for name in own_fields(names)]
        self._plain = self._taken == list(range(len(names)))
        self._count = None if tokenizer == "whitespace" else token_counter(tokenizer)
        self._rows: list[tuple[Value, ...]] = []
        self._texts: list[bytes] = []
        self._chars = 0

    @property
    def full(self) -> bool:
        return self._chars >= BATCH_CHARS or len(self._rows) >= BATCH_ROWS

    def add(self, document: Found | Bad, file: str) -> None:
        if isinstance(document, Bad):
            nulls = [None] * len(self._taken)
            said = (document.id, self._language, self._modality, *nulls)
            self._rows.append((*said, 0, 0, document.problem, document.place))
            self._texts.append(b"")
            return
        doc_id, language, modality, fields, text = document
        self._rows.append(
            (
                doc_id,
                language or self._language,
                modality or self._modality,
                *(fields if self._plain else [fields[i] for i in self._taken]),
                text.chars,
                text.words if self._count is None else self._count(text.utf8.decode()),
                None if text.utf8 else "no text",
                file,
            )
        )
        self._texts.append(text.utf8)
        self._chars += text.chars

    def take(self, read: int) -> Batch:
        """The batch so far; `read` bytes of the corpus were read for it."""
        columns: list[Sequence[Value]] = list(zip(*self._rows, strict=True))
        batch = Batch(columns, self._texts, read)
        self._rows, self._texts, self._chars = [], [], 0
        return batch
