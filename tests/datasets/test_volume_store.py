"""Volumes and feature maps on disk: what comes back, and what is not made again."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from app.datasets.volume import MapStatistics, Volume
from app.datasets.volume_store import (
    UNUSED_DAYS,
    FeatureStoreDataset,
    PendingFeatures,
    VolumeStoreDataset,
    array_digest,
)


def volume(name: str = "a", seed: int = 0, labelled: bool = True) -> Volume:
    image = np.random.default_rng(seed).integers(0, 99, (4, 5, 6)).astype(">i2")
    labels = (image > 50).astype(np.uint8) if labelled else None
    return Volume(name, "train", image, labels, f"{name}.tif")


class Counted:
    """Features of a volume, and how often they were computed."""

    def __init__(self, of: Volume, key: str) -> None:
        self.times = 0
        self.pending = PendingFeatures(key, of, ("one", "two"), self._compute)

    def _compute(self, maps: np.ndarray) -> tuple[MapStatistics, ...]:
        self.times += 1
        maps[0], maps[1] = self.pending.volume.image, 2.0
        return (MapStatistics(0.0, 98.0, 50.0, 28.0), MapStatistics(2.0, 2.0, 2.0, 0.0))


def volumes_in(tmp_path: Path, index: str = "volumes.json") -> VolumeStoreDataset:
    return VolumeStoreDataset(str(tmp_path / index), str(tmp_path / "store"))


def features_in(tmp_path: Path, index: str = "features.json") -> FeatureStoreDataset:
    return FeatureStoreDataset(str(tmp_path / index), str(tmp_path / "store"))


def test_volumes_come_back_mapped_and_native(tmp_path: Path) -> None:
    stored = volumes_in(tmp_path)
    assert not stored.exists()
    stored.save([volume("a"), volume("b", 1, labelled=False)])
    first, second = stored.load()
    assert isinstance(first.image, np.memmap)
    assert first.image.dtype == np.int16
    np.testing.assert_array_equal(first.image, volume("a").image)
    np.testing.assert_array_equal(first.labels, volume("a").labels)
    assert (second.name, second.role, second.file_name) == ("b", "train", "b.tif")
    assert second.labels is None


def test_a_mapped_volume_cannot_be_written_to(tmp_path: Path) -> None:
    volumes_in(tmp_path).save([volume()])
    with pytest.raises(ValueError, match="read-only"):
        volumes_in(tmp_path).load()[0].image[0] = 1


def test_features_are_computed_once_for_all_runs(tmp_path: Path) -> None:
    counted = Counted(volume(), "key")
    for run in ("first.json", "second.json"):
        features_in(tmp_path, run).save([counted.pending])
    assert counted.times == 1
    assert features_in(tmp_path).holds(counted.pending)
    (found,) = features_in(tmp_path, "second.json").load()
    assert isinstance(found.maps, np.memmap)
    assert found.maps.dtype == np.float32
    np.testing.assert_array_equal(found.maps[0], volume().image)
    assert found.names == ("one", "two")
    assert found.statistics[1] == MapStatistics(2.0, 2.0, 2.0, 0.0)
    np.testing.assert_array_equal(found.volume.labels, volume().labels)


def test_another_role_needs_no_new_features(tmp_path: Path) -> None:
    counted = Counted(volume(), "key")
    features_in(tmp_path).save([counted.pending])
    moved = replace(counted.pending, volume=replace(volume(), role="test"))
    features_in(tmp_path).save([moved])
    assert counted.times == 1
    assert features_in(tmp_path).load()[0].volume.role == "test"


def test_a_failure_leaves_no_entry_and_keeps_those_before(tmp_path: Path) -> None:
    def broken(maps: np.ndarray) -> tuple[MapStatistics, ...]:
        maps[0] = 1.0
        raise KeyboardInterrupt

    good, bad = Counted(volume("a"), "good"), Counted(volume("b", 1), "bad")
    store = features_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.save([good.pending, replace(bad.pending, compute=broken)])
    assert not store.exists()
    assert not store.holds(bad.pending)
    store.save([good.pending, bad.pending])
    assert (good.times, bad.times) == (1, 1)


def test_what_nobody_uses_for_long_is_removed(tmp_path: Path) -> None:
    old, used = Counted(volume("a"), "old"), Counted(volume("b", 1), "used")
    features_in(tmp_path, "old.json").save([old.pending])
    features_in(tmp_path, "used.json").save([used.pending])
    long_ago = time.time() - UNUSED_DAYS * 86_400 - 60
    for entry in (tmp_path / "store").iterdir():
        os.utime(entry, (long_ago, long_ago))
    features_in(tmp_path, "used.json").load()  # from now on it is in use
    features_in(tmp_path, "new.json").save([Counted(volume("c", 2), "new").pending])
    assert features_in(tmp_path, "used.json").load()[0].names == ("one", "two")
    with pytest.raises(DatasetError, match="run the stage `prepare` again"):
        features_in(tmp_path, "old.json").load()


def test_an_absent_or_damaged_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"volumes\.json is absent; run the stage `prepare`"):
        volumes_in(tmp_path).load()
    volumes_in(tmp_path).save([volume()])
    (image,) = tmp_path.rglob("image.npy")
    content = image.read_bytes()
    image.unlink()
    image.write_bytes(content[:-1])
    with pytest.raises(DatasetError, match=r"image\.npy cannot be read.*remove"):
        volumes_in(tmp_path).load()
    (tmp_path / "volumes.json").write_text("[{")
    with pytest.raises(DatasetError, match="is not valid JSON"):
        volumes_in(tmp_path).load()


def test_a_digest_is_of_the_values_not_of_the_memory(tmp_path: Path) -> None:
    image = volume().image
    digest = array_digest(image)
    assert digest == array_digest(image.astype("<i2"))
    assert digest == array_digest(np.asfortranarray(image))
    assert digest == array_digest(np.repeat(image, 2, axis=2)[..., ::2])
    assert digest != array_digest(image.astype(np.int32))
    assert digest != array_digest(image.reshape(4, 6, 5))
    assert digest != array_digest(image + 1)
