"""Variation of information against entropies counted by hand."""

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from app.pipelines.vesuvius.postprocess import components
from app.pipelines.vesuvius.voi import Variation, variation


def row(text: str) -> np.ndarray:
    return np.array([character == "x" for character in text]).reshape(1, 1, -1)


ALL = np.ones((1, 1, 5), dtype=bool)
PIECES = -(2 * 0.4 * math.log2(0.4) + 0.2 * math.log2(0.2))  # of 5 voxels: 2, 2, and 1 lacking


def test_a_component_in_two_pieces_is_a_split() -> None:
    found = variation(row("xx.xx"), row("xxxxx"), ALL)
    assert found.split == pytest.approx(PIECES, abs=1e-12)
    assert found.merge == 0.0
    assert found.score == pytest.approx(1 / (1 + 0.3 * PIECES), abs=1e-12)


def test_two_components_grown_together_are_a_merge() -> None:
    found = variation(row("xxxxx"), row("xx.xx"), ALL)
    assert found.split == 0.0
    assert found.merge == pytest.approx(PIECES, abs=1e-12)


def test_the_same_components_have_none() -> None:
    assert variation(row("xx.xx"), row("xx.xx"), ALL) == Variation(0.0, 0.0)
    assert variation(row("....."), row("....."), ALL) == Variation(0.0, 0.0)
    assert variation(row("....."), row("....."), ALL).score == 1.0


def test_what_nobody_vouches_for_does_not_join_components() -> None:
    counted = row("xx.xx")
    assert variation(row("xxxxx"), row("xx.xx"), counted) == Variation(0.0, 0.0)


def test_equal_to_entropies_on_random_masks() -> None:
    random = np.random.default_rng(2)
    for _ in range(5):
        found, there = (random.random((2, 9, 10, 11)) < 0.07)[:2]
        counted = random.random(found.shape) < 0.9
        found_labels = components(found & counted)[0]
        true_labels = components(there & counted)[0]
        either = (found_labels > 0) | (true_labels > 0)
        ours, theirs = found_labels[either], true_labels[either]
        shared = mutual_info_score(theirs, ours) / math.log(2)
        scored = variation(found, there, counted)
        assert scored.split == pytest.approx(entropy(ours) - shared, abs=1e-9)
        assert scored.merge == pytest.approx(entropy(theirs) - shared, abs=1e-9)


def entropy(labels: np.ndarray) -> float:
    shares = np.unique(labels, return_counts=True)[1] / labels.size
    return float(-(shares * np.log2(shares)).sum())
