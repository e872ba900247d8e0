"""Multi-scale feature maps of a volume, computed in blocks.

The image is standardised (mean 0, standard deviation 1), since the grey values of two scanners
have nothing in common. At each scale s, ascending:

    gaussian s=..       standard deviation s voxels, made from the scale before: variances add
    gradient s=..       its gradient magnitude (of central differences, along z, y and x)
    hessian1 s=.. to 3  the eigenvalues of its Hessian, largest first
    gradient of hessian1 s=.., ...     the gradient magnitude of each of those maps. That of the
                        Gaussian is `gradient s=..` already and not made twice

and, with coordinates, `coordinate z`, y, x from 0 to 1. Borders are mirrored about the end voxels.
Each scale is computed from the finished map of the one before, so that a block's halo is that of
one kernel alone; the result does not depend on the blocks, to the bit.
"""

from typing import NamedTuple

import numpy as np

from app.config.vesuvius.features import Features
from app.datasets.volume import MapStatistics
from app.errors import InputError
from app.pipelines.vesuvius.features.blocks import Block, blocks, half_kernel, mirrored
from app.pipelines.vesuvius.features.names import (
    AXES,
    BASE,
    maps_per_scale,
    scales_of,
)


class _Standard(NamedTuple):
    """Of the grey values of an image."""

    mean: float
    scale: float  # 1 / standard deviation; 1 where all are equal


def fill_maps(image: np.ndarray, config: Features, maps: np.ndarray) -> tuple[MapStatistics, ...]:
    """Computes the maps of `image` (z, y, x) into `maps` (F, z, y, x) float32, as `feature_names`
    names them, and their statistics in the same pass.

    Raises:
        InputError: grey values that are NaN, infinite or beyond 1e150.
    """
    out = np.asarray(maps)  # of a memmap the array, which compiled code takes
    totals = np.tile([np.inf, -np.inf, 0.0, 0.0], (len(out), 1))
    standard: _Standard | None = _standard_of(image)
    previous, sigma = image, 0.0
    for number, s in enumerate(scales_of(config)):
        first = number * maps_per_scale(config)
        weights = half_kernel(float(np.sqrt(s * s - sigma * sigma)))
        for block in blocks(image.shape, config.block):
            smooth = _smoothed(previous, standard, block, weights, 2 if config.gradients else 1)
            _derive(smooth, block, config.gradients, out[first:], totals[first:])
        previous, standard, sigma = out[first], None, s
    if config.coordinates:
        _coordinates(out[-len(AXES) :], totals[-len(AXES) :])
    return _statistics(totals, image.size)


def _standard_of(image: np.ndarray) -> _Standard:
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        means = np.array([voxels.mean(dtype=np.float64) for voxels in image])
        variances = [voxels.var(dtype=np.float64) for voxels in image]
        std = float(np.sqrt(np.mean(variances) + means.var()))
    if not np.isfinite(std):
        raise InputError("its grey values are not finite, or too large to be squared")
    return _Standard(float(means.mean()), 1.0 / std if std > 0.0 else 1.0)


def _smoothed(
    previous: np.ndarray, standard: _Standard | None, block: Block, weights: np.ndarray, halo: int
) -> np.ndarray:
    """The Gaussian of a block and `halo` voxels around it."""
    from app.pipelines.vesuvius.features.kernels import convolve_last, convolve_rows

    radius = weights.size - 1
    reach = [
        mirrored(part.start - halo - radius, part.stop + halo + radius, n)
        for part, n in zip(block, previous.shape, strict=True)
    ]
    lowest = [int(index.min()) for index in reach]
    source = previous[
        tuple(slice(low, int(i.max()) + 1) for low, i in zip(lowest, reach, strict=True))
    ]
    if standard is not None:
        source = np.subtract(source, standard.mean, dtype=np.float64) * standard.scale
    source = np.ascontiguousarray(source, dtype=np.float32)
    iz, iy, ix = (index - low for index, low in zip(reach, lowest, strict=True))
    nz, ny, nx = (index.size - 2 * radius for index in reach)
    sz, sy, sx = source.shape
    along_z = np.empty((1, nz, sy * sx), dtype=np.float32)
    convolve_rows(source.reshape(1, sz, sy * sx), iz, weights, along_z)
    along_y = np.empty((nz, ny, sx), dtype=np.float32)
    convolve_rows(along_z.reshape(nz, sy, sx), iy, weights, along_y)
    smooth = np.empty((nz, ny, nx), dtype=np.float32)
    convolve_last(along_y.reshape(nz * ny, sx), ix, weights, smooth.reshape(nz * ny, nx))
    return smooth


def _derive(
    smooth: np.ndarray, block: Block, gradients: bool, out: np.ndarray, totals: np.ndarray
) -> None:
    """The maps of one scale of a block, from its Gaussian with a halo."""
    from app.pipelines.vesuvius.features.kernels import differences, gradient_magnitude, keep

    corner = [part.start for part in block]
    nz, ny, nx = smooth.shape
    derived = np.empty((len(BASE) - 1, nz - 2, ny - 2, nx - 2), dtype=np.float32)
    differences(smooth, derived)
    frame = 1 if gradients else 0
    keep(smooth, frame + 1, out[0], *corner, totals[0])
    for number, values in enumerate(derived, 1):
        keep(values, frame, out[number], *corner, totals[number])
    if gradients:
        steep = np.empty((nz - 4, ny - 4, nx - 4), dtype=np.float32)
        for number, values in enumerate(derived, len(BASE)):
            gradient_magnitude(values, steep)
            keep(steep, 0, out[number], *corner, totals[number])


def _coordinates(out: np.ndarray, totals: np.ndarray) -> None:
    for axis, (target, total) in enumerate(zip(out, totals, strict=True)):
        n = target.shape[axis]
        along = np.linspace(0.0, 1.0, n, dtype=np.float32) if n > 1 else np.zeros(1, np.float32)
        target[...] = along.reshape([-1 if other == axis else 1 for other in range(3)])
        each, wide = target.size // n, along.astype(np.float64)
        total[:] = wide.min(), wide.max(), each * wide.sum(), each * (wide**2).sum()


def _statistics(totals: np.ndarray, count: int) -> tuple[MapStatistics, ...]:
    found = []
    for lowest, highest, total, squares in totals.tolist():
        mean = total / count
        variance = max(0.0, squares / count - mean * mean)
        found.append(MapStatistics(lowest, highest, mean, float(np.sqrt(variance))))
    return tuple(found)
