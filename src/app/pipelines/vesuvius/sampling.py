"""Which voxels are learned from: balanced rows of each training volume, drawn without replacement.

Voxels are counted slice by slice, ranks are drawn, and a second walk finds where they are, so that
no list of a whole volume's voxels is held. A volume's draw depends on the seed, its name and its
own voxels alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from app.config.vesuvius.features import Sampling
from app.config.vesuvius.volumes import Volumes
from app.datasets.volume import FeatureVolume
from app.errors import InputError
from app.pipelines.vesuvius.rows import Rows, Samples

IGNORED = 0  # codes of a voxel: ignored, 1 background, k + 2 the k-th class


def sample(
    features: Sequence[FeatureVolume], volumes: Volumes, sampling: Sampling, seed: int
) -> Samples:
    """Rows of the training volumes, as many of the background and of each class as there are; of
    the validation volumes, in their natural proportions; and voxels of the training volumes that
    nobody labelled. `Rows.volume` is the index in `features`.

    Raises:
        InputError: no volume has the role, or no voxel the class, that is asked for.
    """
    train = [_Coded.of(each, i, volumes) for i, each in enumerate(features) if _is(each, "train")]
    held = [
        _Coded.of(each, i, volumes) for i, each in enumerate(features) if _is(each, "validation")
    ]
    _require(train, held, volumes)
    balanced = _balanced(train, sampling)
    natural = _natural(held, sampling.validation_rows)
    unknown = _proportional(
        [each.counts[:, IGNORED].sum() for each in train], sampling.unlabelled_rows
    )
    pool = [each.draw(IGNORED, n, seed) for each, n in zip(train, unknown, strict=True)]
    return Samples(
        _rows(train, balanced, volumes, seed, shuffled=True),
        _rows(held, natural, volumes, seed, shuffled=False),
        np.concatenate([each.values(where) for each, where in zip(train, pool, strict=True)]),
    )


@dataclass(frozen=True)
class _Coded:
    """A labelled volume whose label values are read as codes."""

    features: FeatureVolume
    index: int
    values_of: tuple[tuple[int, int], ...]  # label value, code; any other value is background
    counts: np.ndarray  # (z, K + 2): voxels of each code in each slice

    @classmethod
    def of(cls, features: FeatureVolume, index: int, volumes: Volumes) -> Self:
        values = [(value, IGNORED) for value in volumes.ignore]
        values += [(value, code) for code, value in enumerate(volumes.classes.values(), 2)]
        depth, kinds = len(features.volume.image), len(volumes.classes) + 2
        made = cls(features, index, tuple(values), np.zeros((depth, kinds), dtype=np.int64))
        for z in range(depth):
            made.counts[z] = np.bincount(made.codes(z), minlength=kinds)
        return made

    def codes(self, z: int) -> np.ndarray:
        """Of the voxels of a slice, flat."""
        labels = self.features.volume.labels
        assert labels is not None
        voxels = np.asarray(labels[z]).ravel()
        codes = np.ones(voxels.size, dtype=np.uint8)
        for value, code in self.values_of:
            codes[voxels == value] = code
        return codes

    def draw(self, code: int, rows: int, seed: int) -> np.ndarray:
        """Flat positions (rows,) of so many voxels of a code, ascending, each at most once."""
        name = hashlib.sha256(self.features.volume.name.encode()).digest()
        rng = np.random.default_rng([seed, int.from_bytes(name[:8]), code])
        counts = self.counts[:, code]
        ranks = np.sort(rng.choice(int(counts.sum()), rows, replace=False, shuffle=False))
        before = np.concatenate([[0], np.cumsum(counts)])
        plane = self.features.volume.image[0].size
        found = [np.empty(0, dtype=np.int64)]
        for z in np.flatnonzero(counts).tolist():
            first, last = np.searchsorted(ranks, before[z : z + 2])
            if last > first:
                where = np.flatnonzero(self.codes(z) == code)
                found.append(where[ranks[first:last] - before[z]] + z * plane)
        return np.concatenate(found)

    def values(self, where: np.ndarray) -> np.ndarray:
        """(n, F) float32 of n flat positions."""
        maps = self.features.maps
        columns = np.empty((where.size, len(maps)), dtype=np.float32)
        for column, values in zip(columns.T, maps, strict=True):
            column[:] = values.reshape(-1)[where]
        return columns


def _is(features: FeatureVolume, role: str) -> bool:
    return features.volume.role == role and features.volume.labels is not None


def _require(train: Sequence[_Coded], held: Sequence[_Coded], volumes: Volumes) -> None:
    for role, found in (("train", train), ("validation", held)):
        if not sum(each.counts[:, 1:].sum() for each in found):
            raise InputError(f"volumes {volumes.name}: no labelled voxel is for {role}")
    for code, name in enumerate(["background", *volumes.classes], 1):
        if not sum(each.counts[:, code].sum() for each in train):
            raise InputError(
                f"volumes {volumes.name}: no voxel of the training volumes is {name!r}; check "
                "volumes.classes against the label values in the inventory"
            )


def _balanced(train: Sequence[_Coded], sampling: Sampling) -> list[np.ndarray]:
    """Of each volume: rows of each code."""
    limits = [each.counts[:, 1:].sum(axis=0) for each in train]
    wanted = [min(sampling.rows_per_volume, int(limit.sum())) for limit in limits]
    allowed = wanted
    if sum(wanted) > sampling.max_rows:
        allowed = _proportional(wanted, sampling.max_rows)
    return [
        np.concatenate([[0], _evenly(rows, limit)])
        for rows, limit in zip(allowed, limits, strict=True)
    ]


def _natural(held: Sequence[_Coded], rows: int) -> list[np.ndarray]:
    """Of each volume: rows of each code, in the proportions of its voxels."""
    kinds = held[0].counts.shape[1] - 1
    voxels = np.concatenate([each.counts[:, 1:].sum(axis=0) for each in held])
    shares = np.array(_proportional(voxels.tolist(), rows)).reshape(-1, kinds)
    return [np.concatenate([[0], share]) for share in shares]


def _evenly(total: int, limits: np.ndarray) -> np.ndarray:
    """`total` in equal parts, none above its limit: what one cannot have, the others share."""
    parts = np.zeros(len(limits), dtype=np.int64)
    while (left := total - int(parts.sum())) > 0 and (open_ := np.flatnonzero(parts < limits)).size:
        share = max(1, left // open_.size)
        for kind in open_[:left]:
            parts[kind] += min(share, limits[kind] - parts[kind], total - int(parts.sum()))
    return parts


def _proportional(sizes: Sequence[int], total: int) -> list[int]:
    """`total` in the proportions of `sizes`, none above its size; largest remainders first."""
    everything = int(sum(sizes))
    if everything <= total:
        return [int(size) for size in sizes]
    exact = [int(size) * total / everything for size in sizes]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _rows(
    coded: Sequence[_Coded],
    counts: Sequence[np.ndarray],
    volumes: Volumes,
    seed: int,
    shuffled: bool,
) -> Rows:
    classes = tuple(volumes.classes)
    values, codes, index = [], [], []
    for each, wanted in zip(coded, counts, strict=True):
        for code, rows in enumerate(wanted.tolist()):
            values.append(each.values(each.draw(code, rows, seed)))
            codes.append(np.full(rows, code, dtype=np.uint8))
            index.append(np.full(rows, each.index, dtype=np.int32))
    kinds = np.concatenate(codes)
    target = (kinds[:, np.newaxis] == np.arange(2, len(classes) + 2)).astype(np.uint8)
    order = np.random.default_rng([seed, 1]).permutation(kinds.size) if shuffled else slice(None)
    names = coded[0].features.names
    features, volume = np.concatenate(values)[order], np.concatenate(index)[order]
    return Rows(features, target[order], volume, names, classes)
