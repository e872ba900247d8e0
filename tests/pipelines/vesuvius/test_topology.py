"""Betti numbers of bodies whose topology is known."""

import numpy as np
import pytest

from app.pipelines.vesuvius.topology import Betti, betti, topology_score


def box(*size: int) -> np.ndarray:
    return np.ones(size, dtype=bool)


def hollow() -> np.ndarray:
    mask = box(5, 5, 5)
    mask[1:4, 1:4, 1:4] = False
    return mask


def ring() -> np.ndarray:
    mask = box(1, 5, 5)
    mask[0, 2, 2] = False
    return mask


def eight() -> np.ndarray:
    mask = box(3, 3, 5)
    mask[:, 1, 1] = mask[:, 1, 3] = False
    return mask


def tyre() -> np.ndarray:
    """A hollow torus: its wall goes round both ways, and it holds air."""
    mask = box(3, 9, 9)
    mask[:, 3:6, 3:6] = False
    mask[1, 1, 1:8] = mask[1, 7, 1:8] = False
    mask[1, 1:8, 1] = mask[1, 1:8, 7] = False
    return mask


def corner() -> np.ndarray:
    mask = np.zeros((2, 2, 2), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    return mask


def apart() -> np.ndarray:
    mask = box(3, 3, 7)
    mask[:, :, 3] = False
    return mask


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        (np.zeros((3, 3, 3), dtype=bool), (0, 0, 0)),
        (box(1, 1, 1), (1, 0, 0)),
        (box(4, 3, 2), (1, 0, 0)),
        (ring(), (1, 1, 0)),
        (eight(), (1, 2, 0)),
        (hollow(), (1, 0, 1)),
        (tyre(), (1, 2, 1)),
        (corner(), (1, 0, 0)),  # touching by a corner is touching
        (apart(), (2, 0, 0)),
    ],
    ids=["nothing", "voxel", "box", "ring", "eight", "hollow", "tyre", "corner", "apart"],
)
def test_bodies(body: np.ndarray, numbers: tuple[int, int, int]) -> None:
    assert betti(body) == Betti(*numbers)
    assert betti(np.pad(body, 2)) == Betti(*numbers)
    assert betti(np.pad(body, 2).transpose(2, 0, 1)) == Betti(*numbers)


def test_numbers_of_bodies_side_by_side_add() -> None:
    both = np.zeros((9, 20, 20), dtype=bool)
    both[1:4, 1:10, 1:10] = tyre()
    both[2:7, 12:17, 12:17] = hollow()
    assert betti(both) == Betti(2, 2, 2)


@pytest.mark.parametrize(
    ("found", "there", "score"),
    [
        ((0, 0, 0), (0, 0, 0), 1.0),
        ((3, 2, 1), (3, 2, 1), 1.0),
        ((0, 0, 0), (1, 0, 0), 0.0),
        ((3, 0, 0), (1, 0, 0), 0.5),  # 2 * 1 / (3 + 1); no tunnels, no cavities: left out
        ((1, 1, 0), (1, 0, 0), 0.34 / 0.67),
        ((2, 3, 0), (1, 1, 1), 0.34 * 2 / 3 + 0.33 * 2 / 4),
    ],
)
def test_score_by_hand(
    found: tuple[int, int, int], there: tuple[int, int, int], score: float
) -> None:
    assert topology_score(Betti(*found), Betti(*there)) == pytest.approx(score, abs=1e-15)
    assert topology_score(Betti(*there), Betti(*found)) == pytest.approx(score, abs=1e-15)
