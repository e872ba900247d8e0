import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.datasets.documents import Documents
from app.pipelines.ideo import duplicates
from app.pipelines.ideo.duplicates import exact_groups, near_groups, scan_texts
from app.pipelines.ideo.shingles import shingles


def groups_of(texts: list[str], threshold: float = 0.8) -> list[int | None]:
    docs, wanted = Documents.of(pl.DataFrame({"text": texts})), np.ones(len(texts), bool)
    scan = scan_texts(docs, wanted, threshold)
    return near_groups(docs, scan, wanted, threshold).to_list()


def jaccard(a: list[str], b: list[str]) -> float:
    sets = [{tuple(w[i : i + 5]) for i in range(max(1, len(w) - 4))} for w in (a, b)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(st.lists(st.text(alphabet="abé  .’\n", max_size=30), max_size=8))
def test_shingles_are_those_of_each_text_alone(texts: list[str]) -> None:
    together = [
        set(found.values[found.starts[i] : found.starts[i + 1]].tolist())
        for found in shingles(pl.Series(texts, dtype=pl.String))
        for i in range(len(found.words))
    ]
    alone = [set(next(iter(shingles(pl.Series([text])))).values.tolist()) for text in texts]
    assert together == alone


def test_shingle_sets_have_the_size_of_the_word_shingles() -> None:
    rng = random.Random(3)
    for n in (0, 1, 4, 5, 6, 300):
        text = [rng.choice("abcdefgh") for _ in range(n)]
        found = next(iter(shingles(pl.Series([" ".join(text)]))))
        expected = {tuple(text[i : i + 5]) for i in range(max(1, n - 4))} if n else set()
        assert len(set(found.values.tolist())) == len(expected)


def test_a_text_of_many_blocks_is_one_text() -> None:
    long = " ".join(f"mot{i}" for i in range(300_000))
    found = list(shingles(pl.Series(["court", long, "court"])))
    assert sum(len(block.words) for block in found) == 3
    assert sum(len(block.values) for block in found) == 300_000 - 4 + 2
    docs = Documents.of(pl.DataFrame({"text": ["court", long, "court"]}))
    assert exact_groups(scan_texts(docs, np.ones(3, bool), None)).to_list() == [0, None, 0]


def test_pairs_above_the_threshold_are_found_and_no_others() -> None:
    rng = random.Random(7)
    bases = [[f"w{rng.randrange(5000)}" for _ in range(rng.randint(8, 200))] for _ in range(300)]
    copies = []
    for base in bases:
        copy = list(base)
        for _ in range(rng.choice([0, 1, 2, 4, 8])):
            copy[rng.randrange(len(copy))] = "autre"
        copies.append(copy)
    groups = groups_of([" ".join(words) for words in [*bases, *copies]])
    similar = [jaccard(a, b) for a, b in zip(bases, copies, strict=True)]
    together = [groups[i] is not None and groups[i] == groups[i + 300] for i in range(300)]
    assert not any(found for found, share in zip(together, similar, strict=True) if share < 0.8)
    wanted = [found for found, share in zip(together, similar, strict=True) if share >= 0.8]
    assert len(wanted) > 100
    assert sum(wanted) >= 0.99 * len(wanted)


def test_near_duplicates_of_near_duplicates_are_one_group() -> None:
    words = [f"w{i}" for i in range(100)]
    chain = [words, [*words[4:], *"abcd"], [*words[8:], *"abcdefgh"], [f"v{i}" for i in range(50)]]
    assert jaccard(chain[0], chain[2]) < 0.9 <= jaccard(chain[0], chain[1])
    assert groups_of([" ".join(text) for text in chain], 0.9) == [0, 0, 0, None]


def test_groups_are_numbered_in_the_order_of_documents() -> None:
    texts = ["z " * 20, "a b c d e f g", "q r s t u v", "z " * 20, "A B C D E F G"]
    assert groups_of(texts) == [0, 1, None, 0, 1]


def test_texts_without_words_resemble_nothing() -> None:
    assert groups_of(["", "", "...", "..."]) == [None] * 4


def test_a_large_cluster_costs_neither_pairs_nor_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "VERIFY_SHINGLES", 500)  # many passes over the texts
    words = [f"w{i}" for i in range(120)]
    texts = [" ".join([*words, f"page{page}"]) for page in range(200)]
    texts.insert(50, " ".join(f"v{i}" for i in range(120)))
    groups = groups_of(texts)
    assert groups == [0] * 50 + [None] + [0] * 150


@settings(max_examples=20)
@given(st.floats(0.2, 1.0))
def test_bands_find_pairs_at_any_threshold(threshold: float) -> None:
    rows = duplicates.band_rows(threshold)
    missed = (1 - threshold**rows) ** (duplicates.BINS // rows)
    assert missed <= 1 - duplicates.RECALL
