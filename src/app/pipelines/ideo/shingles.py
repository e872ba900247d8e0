"""Texts as sets of hashed word 5-shingles (Broder 1997), many texts at a time.

A text is its words in lower case: letters, digits, and everything beyond ASCII except common
punctuation. Each word is hashed from its bytes, each five words in a row make one shingle; a text
of fewer words is one shingle. All hashing is fixed arithmetic: the same on every machine and in
every process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

WIDTH = 5  # words a shingle
WORD_BYTES = 32  # of a longer word, the first ones and the length count
BLOCK_BYTES = 1 << 20  # of text hashed at a time; a larger text is a block of its own

_NON_ASCII_PUNCTUATION = list("\u00a0\u202f\u2009«»‘’“”„‹›–—−…•·¡¿")
_IS_WORD = np.zeros(256, bool)
_IS_WORD[[*range(ord("0"), ord("9") + 1), *range(ord("a"), ord("z") + 1), *range(128, 256)]] = True
# Odd 64-bit constants from the golden ratio sequence of SplitMix64 (Steele, Lea and Flood 2014).
_GOLDEN = 0x9E3779B97F4A7C15
_STEPS = np.array([(_GOLDEN * (2 * i + 1)) % 2**64 | 1 for i in range(WIDTH)], np.uint64)

Hashes = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shingles:
    """The shingles of consecutive texts: those of text i are `values[starts[i]:starts[i + 1]]`,
    in text order, repeats included. `words[i]` hashes the whole word sequence; 0: no word."""

    values: Hashes
    starts: Index
    words: Hashes

    def owner(self) -> Index:
        """The text of each shingle."""
        return np.repeat(np.arange(len(self.words)), np.diff(self.starts))


def shingles(texts: pl.Series) -> Iterator[Shingles]:
    """The shingles of `texts`, in order, in blocks of texts."""
    plain = texts.str.to_lowercase().str.replace_many(_NON_ASCII_PUNCTUATION, [" "])
    sizes = plain.str.len_bytes().to_numpy().astype(np.int64) + 1
    block = np.cumsum(sizes) // BLOCK_BYTES
    bounds = np.flatnonzero(np.diff(block, prepend=-1, append=block[-1] + 1 if len(block) else 0))
    for start, stop in pairwise(bounds.tolist()):
        yield _block(plain[start:stop], sizes[start:stop])


def mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64: every bit of the input moves every bit of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _block(texts: pl.Series, sizes: Index) -> Shingles:
    text = np.frombuffer(("\n".join(texts) + "\n").encode(), np.uint8)
    edges = np.diff(_IS_WORD[text].view(np.int8), prepend=np.int8(0))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    words = _hash_words(text, starts, ends - starts)
    # words before the end of each text: text i has words first[i]:first[i + 1]
    first = np.searchsorted(starts, np.concatenate([[0], np.cumsum(sizes)]))
    counts = np.diff(first)
    n_shingles = np.where(counts > 0, np.maximum(counts - WIDTH + 1, 1), 0)
    bounds = np.concatenate([[0], np.cumsum(n_shingles)])
    # the first word of each shingle: consecutive ones inside a text
    heads = np.arange(bounds[-1]) + np.repeat(first[:-1] - bounds[:-1], n_shingles)
    last = np.repeat(first[1:], n_shingles)
    values = np.zeros(len(heads), np.uint64)
    padded = np.concatenate([words, np.zeros(WIDTH, np.uint64)])
    for step, factor in enumerate(_STEPS):
        values += np.where(heads + step < last, padded[heads + step], np.uint64(0)) * factor
    return Shingles(mixed(values), bounds, _hash_texts(words, first))


def _hash_words(text: npt.NDArray[np.uint8], starts: Index, lengths: Index) -> Hashes:
    hashes = lengths.astype(np.uint64)
    for position in range(min(int(lengths.max(initial=0)), WORD_BYTES)):
        longer = np.flatnonzero(lengths > position)
        byte = text[starts[longer] + position].astype(np.uint64)
        hashes[longer] = hashes[longer] * np.uint64(_GOLDEN) + byte
    return mixed(hashes)


def _hash_texts(words: Hashes, first: Index) -> Hashes:
    """One hash for each text's words in their order; 0 for a text without words."""
    place = np.arange(len(words)) - np.repeat(first[:-1], np.diff(first))
    placed = mixed(words + place.astype(np.uint64) * np.uint64(_GOLDEN))
    running = np.concatenate([[np.uint64(0)], np.cumsum(placed, dtype=np.uint64)])
    sums = running[first[1:]] - running[first[:-1]]
    return np.where(np.diff(first) > 0, mixed(sums) | np.uint64(1), np.uint64(0))
