"""The parts a volume is computed in, and its mirrored borders."""

from collections.abc import Iterator
from itertools import product

import numpy as np

LONG = 4  # a block is so many times longer along x: rows are contiguous
Block = tuple[slice, slice, slice]


def blocks(shape: tuple[int, ...], edge: int) -> Iterator[Block]:
    """Blocks of `edge` slices and rows that cover a volume, in order."""
    starts = [range(0, n, size) for n, size in zip(shape, sizes(edge), strict=True)]
    for corner in product(*starts):
        yield tuple(  # type: ignore[misc]
            slice(start, min(start + size, n))
            for start, size, n in zip(corner, sizes(edge), shape, strict=True)
        )


def sizes(edge: int) -> tuple[int, int, int]:
    """Of a block: (z, y, x) voxels."""
    return edge, edge, edge * LONG


def mirrored(start: int, stop: int, n: int) -> np.ndarray:
    """Where positions start to stop - 1 are in a row of n that is mirrored about its end voxels:
    c b | a b c | b a, again and again."""
    if n == 1:
        return np.zeros(stop - start, dtype=np.intp)
    within = np.mod(np.arange(start, stop), 2 * (n - 1))
    reflected: np.ndarray = np.minimum(within, 2 * (n - 1) - within)
    return reflected


def half_kernel(sigma: float, truncate: float = 4.0) -> np.ndarray:
    """A sampled Gaussian's weights at 0, 1, ..., radius, float32; all of both sides sum to 1."""
    radius = max(1, int(truncate * sigma + 0.5))
    at = np.arange(radius + 1)
    weights: np.ndarray = np.exp(-0.5 * (at / sigma) ** 2)
    weights /= 2.0 * weights.sum() - weights[0]
    return weights.astype(np.float32)
