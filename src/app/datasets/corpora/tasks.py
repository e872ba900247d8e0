"""Dividing a corpus into tasks of a megabyte or more, and reading one.

The tasks are the same for any number of processes, and so are the documents and their order. A big
file is divided by byte ranges. A range begins at the first `<TEI` in it, which is a guess: it may
stand in a comment. So a task also says where it began and ended, and a range whose beginning is not
where the one before ended is read again from there.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from app.datasets.corpora.classic import Classic
from app.datasets.corpora.cutting import BLOCK, START, Bad, Prolog, WholeDocuments, read_prolog
from app.datasets.corpora.files import ByteStream, CorpusFile, corpus_files, opened
from app.datasets.corpora.inline import Inline, InlineOptions
from app.datasets.corpora.inside import InsideDocuments
from app.datasets.corpora.paired_lines import paired_documents
from app.datasets.corpora.parlamint import ParlaMint, ParlaMintOptions
from app.datasets.corpora.reader import Found, TeiDocuments
from app.datasets.corpora.rows import Batch, Rows
from app.datasets.corpora.source import Source
from app.datasets.corpora.tei import Tei, TeiOptions

RANGE = 2**20  # about a batch: processes that take turns wait little, and hold little


class Task(NamedTuple):
    """Some whole files, or the documents of one file that begin from `start` and before `stop`."""

    files: list[CorpusFile]
    start: int | None = None
    stop: int | None = None


class Ends(NamedTuple):
    """Where the documents of a range task began and ended; `start` None: none begins in it."""

    start: int | None
    end: int


def tasks(source: Source) -> Iterator[Task]:
    """The tasks of a corpus, in the order of its documents."""
    group: list[CorpusFile] = []
    size = 0
    for file in source_files(source):
        length = file.path.stat().st_size
        if length >= 2 * RANGE and _can_be_ranged(source, file):
            if group:
                yield Task(group)
                group, size = [], 0
            count = length // RANGE
            bounds = [length * number // count for number in range(count)]
            for start, stop in zip(bounds, [*bounds[1:], None], strict=True):
                yield Task([file], start, stop)
            continue
        group.append(file)
        size += length
        if size >= RANGE:
            yield Task(group)
            group, size = [], 0
    if group:
        yield Task(group)


class TaskReader:
    """Reads tasks of one corpus."""

    def __init__(self, source: Source, tokenizer: str) -> None:
        self._source, self._tokenizer = source, tokenizer
        self._reader = _tei_reader(source)
        self._prolog = lru_cache(maxsize=1)(self._read_prolog)

    def read(self, task: Task, exact: int | None = None) -> Iterator[Batch | Ends]:
        """The batches of a task; of a range, `Ends` last. `exact`: where the range is known to
        begin."""
        if task.start is not None:
            yield from self._range(task.files[0], task.start, task.stop, exact)
            return
        rows = Rows(self._source, self._tokenizer)
        read = 0
        for file in task.files:
            counted = 0
            for document, position in self._file(file):
                rows.add(document, file.name)
                if rows.full:
                    yield rows.take(read + position - counted)
                    read, counted = 0, position
            read += file.path.stat().st_size - counted
        yield rows.take(read)

    def _file(self, file: CorpusFile) -> Iterator[tuple[Found | Bad, int]]:
        """The documents of a file, each with the bytes of the file read so far."""
        if self._source.kind == "paired_lines":
            texts = Path(self._source.options["texts"])
            encoding = self._source.encoding or "utf-8"
            yield from ((found, 0) for found in paired_documents(file, texts, encoding))
            return
        assert self._reader is not None
        with opened(file.path, self._source.encoding) as stream:
            prolog, buffer = read_prolog(stream, file.path)
            if self._reader.inner(True):
                inside = InsideDocuments(stream, file.name, prolog, buffer, self._reader)
                for document in inside.read():
                    yield document, stream.raw_position()
                return
            whole = WholeDocuments(stream, file.name, prolog, prolog.start, buffer)
            for document in self._documents(whole, None, file):
                yield document, stream.raw_position()

    def _range(
        self, file: CorpusFile, start: int, stop: int | None, exact: int | None
    ) -> Iterator[Batch | Ends]:
        rows = Rows(self._source, self._tokenizer)
        size = file.path.stat().st_size
        prolog = self._prolog(file.path)
        with opened(file.path, self._source.encoding) as stream:
            begin = exact if exact is not None else _guess(stream, prolog, start, stop)
            limit = stop if stop is not None else size
            end = begin if begin is not None else limit
            if begin is not None and begin < limit:
                stream.seek(begin)
                whole = WholeDocuments(stream, file.name, prolog, begin, b"")
                for document in self._documents(whole, stop, file):
                    rows.add(document, file.name)
                    if rows.full:
                        yield rows.take(0)
                end = whole.end
            yield rows.take(limit - start)
            yield Ends(begin, end)

    def _documents(
        self, whole: WholeDocuments, stop: int | None, file: CorpusFile
    ) -> Iterator[Found | Bad]:
        assert self._reader is not None
        stem = Path(file.name.removesuffix(".gz")).stem
        for element in whole.read(stop):
            if isinstance(element, Bad):
                yield element
            else:
                yield from self._reader.documents(element, self._reader.header(element, stem))

    def _read_prolog(self, path: Path) -> Prolog:
        with opened(path, self._source.encoding) as stream:
            return read_prolog(stream, path)[0]


def source_files(source: Source) -> list[CorpusFile]:
    """The files of texts of a corpus."""
    suffix = ".txt" if source.kind == "paired_lines" else ".xml"
    return corpus_files(source.path, source.exclude, suffix)


def _tei_reader(source: Source) -> TeiDocuments | None:
    """The reader of a kind of TEI; None: the corpus is no TEI."""
    if source.kind == "tei":
        return Tei(TeiOptions(**source.options), source.fields)
    if source.kind == "classic":
        return Classic(source.fields)
    if source.kind == "inline":
        return Inline(InlineOptions(**source.options))
    if source.kind == "parlamint":
        return ParlaMint(ParlaMintOptions(**source.options))
    return None


def _can_be_ranged(source: Source, file: CorpusFile) -> bool:
    """Whether documents are whole <TEI>s and a place in the stream is a place in the file."""
    reader = _tei_reader(source)
    if reader is None or reader.inner(True):
        return False
    with opened(file.path, source.encoding) as stream:
        return stream.seekable


def _guess(stream: ByteStream, prolog: Prolog, start: int, stop: int | None) -> int | None:
    """The first `<TEI` from `start` on and before `stop`."""
    if start <= prolog.start:
        return prolog.start if stop is None or prolog.start < stop else None
    stream.seek(start)
    held, at = b"", start
    while stop is None or at < stop:
        data = stream.read(BLOCK)
        held += data
        if match := START.search(held):
            found = at + match.start()
            return found if stop is None or found < stop else None
        if not data:
            return None
        kept = held[-64:]  # a tag may straddle two reads
        at += len(held) - len(kept)
        held = kept
    return None
