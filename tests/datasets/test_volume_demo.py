"""Volumes the project makes: the same ones each time, with sheets that can be found."""

import numpy as np
import pytest

from app.config.vesuvius.volumes import DemoSource
from app.datasets.volume_demo import SHEET, UNLABELLED, demo_volume
from app.datasets.volumes import VolumesDataset

SOURCE = DemoSource(kind="demo", count=3, shape=(24, 64, 72), unlabelled=0.15)


def test_a_volume_depends_on_its_number_and_seed_alone() -> None:
    first = demo_volume(SOURCE, 2, 5)
    more = SOURCE.model_copy(update={"count": 9})
    np.testing.assert_array_equal(first.image, demo_volume(more, 2, 5).image)
    np.testing.assert_array_equal(first.labels, demo_volume(more, 2, 5).labels)
    assert not np.array_equal(first.truth, demo_volume(SOURCE, 3, 5).truth)
    assert not np.array_equal(first.truth, demo_volume(SOURCE, 2, 6).truth)


def test_labels_are_the_truth_where_somebody_labelled() -> None:
    made = demo_volume(SOURCE, 1, 0)
    known = made.labels != UNLABELLED
    np.testing.assert_array_equal(made.labels[known], made.truth[known])
    assert np.mean(~known) == pytest.approx(0.15, abs=0.001)
    assert set(np.unique(made.labels)) == {0, SHEET, UNLABELLED}
    whole = demo_volume(SOURCE.model_copy(update={"unlabelled": 0.0}), 1, 0)
    np.testing.assert_array_equal(whole.labels, made.truth)


def test_sheets_are_thin_brighter_and_bent_along_z() -> None:
    made = demo_volume(SOURCE, 1, 0)
    assert 0.1 < made.truth.mean() < 0.4
    sheet, rest = made.image[made.truth == 1].mean(), made.image[made.truth == 0].mean()
    noise = made.image[made.truth == 0].std()
    assert 0.5 < (sheet - rest) / noise < 4.0  # neither hidden nor plain to see
    assert not np.array_equal(made.truth[0], made.truth[-1])


def test_the_dataset_makes_them() -> None:
    config = {
        "name": "demo",
        "source": {"kind": "demo", "count": 4, "shape": [8, 20, 20]},
        "classes": {"sheet": 1},
        "ignore": [2],
    }
    volumes = VolumesDataset(config, seed=7).load()
    assert [volume.name for volume in volumes] == ["scroll1", "scroll2", "scroll3", "scroll4"]
    np.testing.assert_array_equal(volumes[1].image, volumes[1].image)
    source = DemoSource(kind="demo", count=4, shape=(8, 20, 20))
    np.testing.assert_array_equal(volumes[1].image, demo_volume(source, 2, 7).image)
