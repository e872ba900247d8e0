"""Scroll-like volumes: a sheet rolled up in a spiral, bent along z, seen through noise.

In the plane of a slice the sheet is an Archimedean spiral r = pitch * theta / 2 pi around a centre
that wanders with z; its brightness is that of a few voxels' thickness. Labels are those of the
field's surface volumes: 0 background, 1 sheet, 2 unlabelled; the truth below 2 is known here.
"""

from dataclasses import dataclass

import numpy as np

from app.config.vesuvius.volumes import DemoSource

SHEET, UNLABELLED = 1, 2
PITCH = (9.0, 13.0)  # voxels between turns
HALF_THICKNESS = 1.4  # voxels
BLUR = 0.7  # voxels, standard deviation: of the scanner, noise and sheet alike
GREY = (20_000.0, 9_000.0)  # of the background; added by a sheet


@dataclass(frozen=True)
class DemoVolume:
    """One volume, all (z, y, x)."""

    image: np.ndarray  # uint16
    labels: np.ndarray  # uint8: 0, 1, 2
    truth: np.ndarray  # uint8: 0, 1


def demo_volume(source: DemoSource, number: int, seed: int) -> DemoVolume:
    """The same volume for the same arguments, whatever others are made."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
    truth = _spiral(source.shape, rng)
    noise = rng.standard_normal(source.shape, dtype=np.float32) * np.float32(source.noise)
    seen = gaussian_filter(truth.astype(np.float32) + noise, BLUR, mode="mirror")
    image = np.clip(GREY[0] + GREY[1] * seen, 0, 65_535).astype(np.uint16)
    labels = np.where(_regions(source, rng), np.uint8(UNLABELLED), truth)
    return DemoVolume(image, labels, truth)


def _spiral(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """1 on the sheet, else 0, (z, y, x) uint8."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    pitch = rng.uniform(*PITCH)
    phase, waves = rng.uniform(0.0, 2.0 * np.pi, 4), rng.uniform(25.0, 60.0, 2)
    start = rng.uniform(0.35, 0.65, 2) * shape[1:]
    centre_y = start[0] + 4.0 * np.sin(z / waves[0] + phase[0])
    centre_x = start[1] + 4.0 * np.sin(z / waves[1] + phase[1])
    angle = np.arctan2(y - centre_y, x - centre_x)
    radius = np.hypot(y - centre_y, x - centre_x)
    radius = radius + 1.5 * np.sin(3.0 * angle + z / waves[0] + phase[2])  # not quite round
    away = np.mod(radius - pitch * (angle + phase[3]) / (2.0 * np.pi), pitch)
    distance = np.minimum(away, pitch - away)  # to the nearest turn, along the radius
    sheet: np.ndarray = ((distance < HALF_THICKNESS) & (radius > pitch / 2.0)).astype(np.uint8)
    return sheet


def _regions(source: DemoSource, rng: np.random.Generator) -> np.ndarray:
    """Where nobody labelled: blobs that hold the asked share of the voxels."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(
        rng.standard_normal(source.shape, dtype=np.float32), min(source.shape) / 8
    )
    if source.unlabelled == 0.0:
        return np.zeros(source.shape, dtype=bool)
    chosen: np.ndarray = field > np.quantile(field, 1.0 - source.unlabelled)
    return chosen
