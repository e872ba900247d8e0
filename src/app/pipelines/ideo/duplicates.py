"""Documents that repeat another: the same words, or nearly.

Exact: equal word sequences, case, spacing and punctuation aside. Near: Jaccard similarity of the
word 5-shingles at least the threshold (Broder 1997). Candidates come from MinHash by one
permutation hashing (Li, Owen and Zhang 2012; empty bins filled as in Shrivastava 2017) and
banding (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4); every pair is then
verified on its shingles. Near duplicates of near duplicates are one group.

Texts are streamed: what stays in memory is 8 bytes a band and document, and while candidates are
verified at most `VERIFY_SHINGLES` shingles.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from app.datasets.documents import Documents
from app.pipelines.ideo.shingles import Hashes, Index, Shingles, mixed, shingles

BINS = 128  # MinHash values a text
RECALL = 0.995  # of pairs exactly at the threshold; more above it
ALL_PAIRS = 12  # candidates of a band compared each with each; of more, with their neighbours
VERIFY_SHINGLES = 16_000_000  # 4 bytes each
_EMPTY = np.uint32(2**32 - 1)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TextScan:
    """What one pass over the texts leaves: per document (all of them, in order) the hash of its
    words (0: not scanned, or no word), its number of shingles, and its band keys."""

    words: Hashes
    n_shingles: npt.NDArray[np.uint32]
    bands: Hashes  # (documents, bands); no columns when near duplicates are not looked for


def scan_texts(documents: Documents, wanted: Mask, near_threshold: float | None) -> TextScan:
    """Reads the texts of the wanted documents once."""
    rows = 0 if near_threshold is None else band_rows(near_threshold)
    scan = TextScan(
        np.zeros(len(wanted), np.uint64),
        np.zeros(len(wanted), np.uint32),
        np.zeros((len(wanted), BINS // rows if rows else 0), np.uint64),
    )
    for at, found in _shingled(documents, wanted):
        scan.words[at] = found.words
        scan.n_shingles[at] = np.diff(found.starts)
        if rows:
            scan.bands[at] = _band_keys(_signatures(found), rows)
    return scan


def band_rows(threshold: float) -> int:
    """The most MinHash values a band that still find a pair at the threshold with `RECALL`."""
    for rows in range(16, 1, -1):
        if 1 - (1 - threshold**rows) ** (BINS // rows) >= RECALL:
            return rows
    return 1


def exact_groups(scan: TextScan) -> pl.Series:
    """For each document, the number of its group of equal texts; null: no other is equal."""
    words = pl.Series(scan.words)
    repeated = (words.is_duplicated() & (words != 0)).to_numpy()
    return _numbered(scan.words, repeated)


def near_groups(documents: Documents, scan: TextScan, wanted: Mask, threshold: float) -> pl.Series:
    """For each wanted document, the number of its group of near duplicates (equal texts are);
    null: it resembles no other. The texts of candidates are read again."""
    parents = np.arange(len(wanted))
    rows = np.flatnonzero(wanted & (scan.words != 0))
    _, first, inverse = np.unique(scan.words[rows], return_index=True, return_inverse=True)
    parents[rows] = rows[first[inverse]]  # equal texts need no comparison
    pairs = _candidates(scan.bands, np.sort(rows[first]))
    for chunk in _chunks(pairs, scan.n_shingles):
        texts = _shingle_sets(documents, np.unique(chunk))
        for left, right in chunk.tolist():
            a, b = _root(parents, left), _root(parents, right)
            if a != b and _jaccard(texts[left], texts[right]) >= threshold:
                parents[max(a, b)] = min(a, b)
    roots = np.array([_root(parents, row) for row in rows.tolist()], np.int64)
    sizes = np.bincount(roots, minlength=len(wanted))
    group = np.zeros(len(wanted), np.int64)
    group[rows] = roots
    grouped = np.zeros(len(wanted), bool)
    grouped[rows] = sizes[roots] > 1
    return _numbered(group, grouped)


def _shingled(documents: Documents, wanted: Mask) -> Iterator[tuple[Index, Shingles]]:
    """The wanted documents' places and shingles, block by block."""
    offset = 0
    for frame in documents.frames(["text"]):
        places = offset + np.flatnonzero(wanted[offset : offset + len(frame)])
        offset += len(frame)
        done = 0
        for found in shingles(frame["text"].gather(places - (offset - len(frame)))):
            yield places[done : done + len(found.words)], found
            done += len(found.words)
        if offset >= len(wanted):
            return


def _signatures(found: Shingles) -> npt.NDArray[np.uint32]:
    """(texts, BINS) smallest shingle hash of each bin; a bin that no shingle fell in takes the
    value of another, tried in an order that depends on the bin alone."""
    flat = np.full(len(found.words) * BINS, _EMPTY, np.uint32)
    bins = (found.values >> np.uint64(57)).astype(np.int64)  # the top 7 bits: 128 bins
    low = np.minimum(found.values & np.uint64(2**32 - 1), np.uint64(2**32 - 2)).astype(np.uint32)
    np.minimum.at(flat, found.owner() * BINS + bins, low)
    full = flat.reshape(-1, BINS)
    filled = full.copy()
    texts, empty = np.nonzero((full == _EMPTY) & (found.words != 0)[:, None])
    attempt = 0
    while len(texts):
        attempt += 1
        draw = mixed((empty * 65_537 + attempt).astype(np.uint64))
        values = full[texts, (draw % np.uint64(BINS)).astype(np.int64)]
        filled[texts, empty] = values
        missed = values == _EMPTY
        texts, empty = texts[missed], empty[missed]
    return filled


def _band_keys(signatures: npt.NDArray[np.uint32], rows: int) -> Hashes:
    """(texts, bands): one key for each `rows` consecutive values."""
    bands = BINS // rows
    values = signatures[:, : bands * rows].astype(np.uint64).reshape(-1, bands, rows)
    keys = np.zeros(values.shape[:2], np.uint64)
    for row in range(rows):
        keys = mixed(keys + values[:, :, row] + np.uint64(row + 1))
    return keys


def _candidates(bands: Hashes, rows: Index) -> Index:
    """(pairs, 2) documents that share a band key, each pair once, smaller first, sorted."""
    found = [np.zeros(0, np.int64)]
    size = len(bands)
    for band in range(bands.shape[1]):
        keys = bands[rows, band]
        order = np.argsort(keys, kind="stable")
        keys, members = keys[order], rows[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        lengths = np.diff(np.concatenate([starts, [len(keys)]]))
        place = np.arange(len(keys)) - np.repeat(starts, lengths)
        in_small = np.repeat(lengths <= ALL_PAIRS, lengths)
        for gap in range(1, min(ALL_PAIRS, int(lengths.max(initial=1)))):
            near = np.flatnonzero((place >= gap) & (in_small | (gap <= 2)))
            found.append(members[near - gap] * size + members[near])
        large = np.flatnonzero(~in_small & (place > 0))  # also with the first of a large bucket
        found.append(members[large - place[large]] * size + members[large])
    pairs = np.unique(np.concatenate(found))
    return np.stack([pairs // size, pairs % size], axis=1)


def _chunks(pairs: Index, n_shingles: npt.NDArray[np.uint32]) -> Iterator[Index]:
    """The pairs in order, in chunks whose documents have at most `VERIFY_SHINGLES` shingles
    (or one pair, however long its texts)."""
    start = 0
    loaded: set[int] = set()
    size = 0
    for at, pair in enumerate(pairs.tolist()):
        new = [row for row in pair if row not in loaded]
        size += sum(int(n_shingles[row]) for row in new)
        if size > VERIFY_SHINGLES and at > start:
            yield pairs[start:at]
            start, loaded, new = at, set(), pair
            size = sum(int(n_shingles[row]) for row in pair)
        loaded.update(new)
    if start < len(pairs):
        yield pairs[start:]


def _shingle_sets(documents: Documents, rows: Index) -> dict[int, npt.NDArray[np.uint32]]:
    """The sorted distinct shingles of some documents."""
    wanted = np.zeros(int(rows.max()) + 1, bool)
    wanted[rows] = True
    sets: dict[int, npt.NDArray[np.uint32]] = {}
    for at, found in _shingled(documents, wanted):
        low = (found.values & np.uint64(2**32 - 1)).astype(np.uint32)
        for place, row in enumerate(at.tolist()):
            sets[row] = np.unique(low[found.starts[place] : found.starts[place + 1]])
    return sets


def _jaccard(a: npt.NDArray[np.uint32], b: npt.NDArray[np.uint32]) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)


def _root(parents: Index, row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row


def _numbered(keys: npt.NDArray[np.generic], grouped: Mask) -> pl.Series:
    """Groups numbered from 0 in the order of their first document; null outside `grouped`."""
    members = np.flatnonzero(grouped)
    _, first, inverse = np.unique(keys[members], return_index=True, return_inverse=True)
    number = np.empty(len(first), np.uint32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.uint32)
    series = np.zeros(len(keys), np.uint32)
    series[members] = number[inverse]
    return pl.Series(series).set(pl.Series(~grouped), None)
