"""Rows are voxels of the right volumes and classes, balanced, each at most once."""

from typing import Any

import numpy as np
import pytest

from app.config.vesuvius.features import Sampling
from app.config.vesuvius.volumes import FileSource, Volumes
from app.datasets.volume import FeatureVolume, Volume
from app.errors import InputError
from app.pipelines.vesuvius.sampling import sample

SHAPE = (8, 20, 25)  # 4,000 voxels


def volumes(**changes: Any) -> Volumes:
    said: dict[str, Any] = {
        "name": "set",
        "source": FileSource(kind="files", images="images"),
        "classes": {"anterior": 1, "posterior": 7},
        "ignore": [2],
        **changes,
    }
    return Volumes(**said)


def feature_volume(name: str, role: str, shares: dict[int, float], seed: int = 0) -> FeatureVolume:
    """Features that say where a voxel is, and what its label is."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([*shares], size=SHAPE, p=[*shares.values()]).astype(np.int16)
    place = np.arange(labels.size, dtype=np.float32).reshape(SHAPE)
    made = Volume(name, role, place, labels, f"{name}.tif")
    return FeatureVolume(made, np.stack([place, labels.astype(np.float32)]), ("place", "label"))


SHARES = {0: 0.7, 1: 0.15, 7: 0.05, 2: 0.1}


def several() -> list[FeatureVolume]:
    return [
        feature_volume("t1", "train", SHARES, 1),
        feature_volume("held", "validation", SHARES, 2),
        feature_volume("t2", "train", SHARES, 3),
        feature_volume("unseen", "test", SHARES, 4),
    ]


def sampling(**changes: int) -> Sampling:
    return Sampling(
        **{
            "rows_per_volume": 300,
            "max_rows": 10_000,
            "validation_rows": 2000,
            "unlabelled_rows": 100,
            **changes,
        }
    )


def test_rows_are_whole_and_of_training_volumes() -> None:
    found = sample(several(), volumes(), sampling(), 0)
    train = found.train
    assert train.features.dtype == np.float32
    assert train.target.dtype == np.uint8
    assert train.volume.dtype == np.int32
    assert (train.names, train.classes) == (("place", "label"), ("anterior", "posterior"))
    assert set(train.volume) == {0, 2}
    assert set(found.validation.volume) == {1}
    label = train.features[:, 1]
    np.testing.assert_array_equal(train.target[:, 0], label == 1)
    np.testing.assert_array_equal(train.target[:, 1], label == 7)


@pytest.mark.parametrize("index", [0, 2])
def test_each_volume_gives_equal_parts_each_voxel_once(index: int) -> None:
    train = sample(several(), volumes(), sampling(), 0).train
    own = train.features[train.volume == index]
    assert np.unique(own[:, 1], return_counts=True)[1].tolist() == [100, 100, 100]
    assert len(np.unique(own[:, 0])) == 300


def test_what_a_class_has_not_the_others_give() -> None:
    features = several()
    few = np.count_nonzero(features[0].volume.labels == 7)
    assert few < 300
    train = sample(features, volumes(), sampling(rows_per_volume=900), 0).train
    anterior, posterior = train.target[train.volume == 0].sum(axis=0).tolist()
    background = (train.volume == 0).sum() - anterior - posterior
    assert (posterior, background + anterior) == (few, 900 - few)
    assert abs(background - anterior) <= 1


def test_a_volume_gives_all_it_has_when_asked_for_more() -> None:
    features = several()
    train = sample(features, volumes(), sampling(rows_per_volume=9999), 0).train
    assert features[0].volume.labels is not None
    assert (train.volume == 0).sum() == (features[0].volume.labels != 2).sum()


def test_max_rows_takes_the_same_share_of_each_volume() -> None:
    train = sample(several(), volumes(), sampling(max_rows=301), 0).train
    assert len(train.target) == 301
    assert sorted(np.unique(train.volume, return_counts=True)[1]) == [150, 151]


def test_ignored_voxels_are_in_the_pool_alone() -> None:
    found = sample(several(), volumes(), sampling(), 0)
    assert not (found.train.features[:, 1] == 2).any()
    assert not (found.validation.features[:, 1] == 2).any()
    assert found.unlabelled.shape == (100, 2)
    assert (found.unlabelled[:, 1] == 2).all()
    none = sample(several(), volumes(), sampling(unlabelled_rows=0), 0).unlabelled
    assert none.shape == (0, 2)


def test_validation_keeps_the_natural_proportions() -> None:
    features = several()
    labels = features[1].volume.labels
    assert labels is not None
    found = sample(features, volumes(), sampling(), 0).validation
    assert len(found.target) == 2000
    for column, value in enumerate((1, 7)):
        natural = (labels == value).sum() / (labels != 2).sum()
        assert found.target[:, column].mean() == pytest.approx(natural, abs=1 / 2000)


def test_training_rows_are_shuffled_by_the_seed() -> None:
    first, again = (sample(several(), volumes(), sampling(), 5).train for _ in range(2))
    other = sample(several(), volumes(), sampling(), 6).train
    np.testing.assert_array_equal(first.features, again.features)
    assert not np.array_equal(first.features, other.features)
    assert (np.diff(first.volume) != 0).sum() > 200  # volumes alternate


def test_a_volume_gives_the_same_voxels_whoever_is_beside_it() -> None:
    features = several()
    alone = sample(features[:2], volumes(), sampling(), 0).train.features
    beside = sample(features, volumes(), sampling(), 0).train
    both = beside.features[beside.volume == 0]
    np.testing.assert_array_equal(np.sort(alone[:, 0]), np.sort(both[:, 0]))


def test_every_voxel_has_the_same_chance() -> None:
    """Chi-square over slices: 400 draws of 30 of the ~200 posterior voxels."""
    features = several()
    labels = features[0].volume.labels
    assert labels is not None
    drawn = np.zeros(SHAPE[0])
    for seed in range(400):
        train = sample(features[:2], volumes(), sampling(rows_per_volume=90), seed).train
        place = train.features[train.target[:, 1] == 1, 0].astype(int)
        drawn += np.bincount(place // (SHAPE[1] * SHAPE[2]), minlength=SHAPE[0])
    share = (labels == 7).sum(axis=(1, 2)) / (labels == 7).sum()
    expected = drawn.sum() * share
    # of 7 degrees of freedom; draws without replacement vary less: a bound far above its mean
    assert ((drawn - expected) ** 2 / expected).sum() < 24.3


def test_where_zero_is_a_class_the_other_value_is_background() -> None:
    features = [
        feature_volume(name, role, {0: 0.2, 255: 0.8}, seed)
        for seed, (name, role) in enumerate([("a", "train"), ("b", "validation")])
    ]
    train = sample(features, volumes(classes={"membrane": 0}, ignore=[]), sampling(), 0).train
    np.testing.assert_array_equal(train.target[:, 0], train.features[:, 1] == 0)
    assert train.target.sum() == 150


def test_what_is_missing_is_named() -> None:
    features = several()
    with pytest.raises(InputError, match="no labelled voxel is for validation"):
        sample([features[0], features[2]], volumes(), sampling(), 0)
    with pytest.raises(InputError, match="no voxel of the training volumes is 'cortex'"):
        sample(features, volumes(classes={"cortex": 9, "anterior": 1}), sampling(), 0)
    everything = [feature_volume(name, name, {1: 1.0}) for name in ("train", "validation")]
    with pytest.raises(InputError, match="is 'background'"):
        sample(everything, volumes(classes={"anterior": 1}), sampling(), 0)
