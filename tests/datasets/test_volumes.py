"""The volumes of a run: which files they are, what they are for, what is refused."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from kedro.io import DatasetError
from PIL import Image

from app.config.vesuvius.volumes import Volumes
from app.datasets.volumes import VolumesDataset, VolumeSet
from app.errors import InputError

SHAPE = (10, 6, 5)


def config(**changes: Any) -> dict[str, Any]:
    source = {"kind": "files", "images": "images", "labels": "labels"}
    return {"name": "set", "source": source, "classes": {"sheet": 1}, "ignore": [2], **changes}


def write(root: Path, names: str, labelled: str, depth: int = SHAPE[0]) -> None:
    (root / "images").mkdir()
    (root / "labels").mkdir()
    for number, name in enumerate(names.split()):
        rng = np.random.default_rng(number)
        image = rng.integers(0, 255, (depth, *SHAPE[1:])).astype(np.uint8)
        tifffile.imwrite(root / "images" / f"{name}.tif", image)
        if name in labelled.split():
            np.save(root / "labels" / f"{name}.npy", image % 3)


def loaded(root: Path, seed: int = 0, **changes: Any) -> VolumeSet:
    return VolumeSet(Volumes.model_validate(config(**changes)), root, seed)


def test_images_and_labels_pair_by_name_whatever_their_formats(tmp_path: Path) -> None:
    write(tmp_path, "a10 a9 b c", "a10 a9 b")
    volumes = loaded(tmp_path)
    assert [volume.name for volume in volumes] == ["a9", "a10", "b", "c"]
    for volume in volumes[:3]:
        assert volume.labels is not None
        np.testing.assert_array_equal(volume.labels, np.asarray(volume.image) % 3)
    unlabelled = volumes[3]
    assert (unlabelled.labels, unlabelled.role, unlabelled.file_name) == (None, "test", "c.tif")


def test_volumes_are_read_when_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "a b c d", "a b c d")
    volumes = loaded(tmp_path)
    (tmp_path / "images" / "d.tif").write_bytes(b"II")
    assert len(volumes) == 4
    assert volumes[0].name == "a"
    with pytest.raises(InputError, match=r"d\.tif"):
        list(volumes)


def test_each_role_has_its_share_and_does_not_move(tmp_path: Path) -> None:
    names = " ".join(f"v{number}" for number in range(20))
    write(tmp_path, names, names)
    holdout = {"by": "volume", "validation": 0.3, "test": 0.1}
    roles = loaded(tmp_path, holdout=holdout).roles()
    assert Counter(roles.values()) == {"train": 12, "validation": 6, "test": 2}
    assert roles == loaded(tmp_path, holdout=holdout).roles()
    assert roles != loaded(tmp_path, seed=1, holdout=holdout).roles()


def test_three_volumes_are_one_of_each_role(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    holdout = {"by": "volume", "validation": 0.01, "test": 0.98}
    assert sorted(loaded(tmp_path, holdout=holdout).roles().values()) == [
        "test",
        "train",
        "validation",
    ]


def test_two_labelled_volumes_cannot_be_held_out_whole(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b")
    with pytest.raises(InputError, match=r"2 labelled volumes.*holdout\.by=slab"):
        loaded(tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_slabs_are_all_slices_of_a_volume_once(tmp_path: Path, seed: int) -> None:
    write(tmp_path, "a free", "a")
    volumes = loaded(tmp_path, seed, holdout={"by": "slab", "validation": 0.3, "test": 0.2})
    slabs = {volume.name: volume for volume in volumes if volume.labels is not None}
    assert {name: volume.role for name, volume in slabs.items()} == {
        "a-train": "train",
        "a-validation": "validation",
        "a-test": "test",
    }
    assert [len(slabs[f"a-{role}"].image) for role in ("train", "validation", "test")] == [5, 3, 2]
    whole = tifffile.imread(tmp_path / "images" / "a.tif")
    starts = {
        name: next(z for z in range(10) if np.array_equal(whole[z], volume.image[0]))
        for name, volume in slabs.items()
    }
    in_order = [slabs[name].image for name in sorted(starts, key=lambda name: starts[name])]
    np.testing.assert_array_equal(np.concatenate(in_order), whole)
    assert loaded(tmp_path, holdout={"by": "slab"}).roles()["free"] == "test"


def test_a_volume_of_two_slices_has_no_slabs(tmp_path: Path) -> None:
    write(tmp_path, "a", "a", depth=2)
    with pytest.raises(InputError, match="a: 2 slices"):
        list(loaded(tmp_path, holdout={"by": "slab"}))


def test_folders_of_slices(tmp_path: Path) -> None:
    for kind in ("images", "labels"):
        for name in "abc":
            folder = tmp_path / kind / name
            folder.mkdir(parents=True)
            for z in range(1, 12):
                Image.fromarray(np.full((4, 5), z % 2, np.uint8)).save(folder / f"{z}.png")
    source = {"kind": "files", "images": "images", "labels": "labels", "slices": True}
    volumes = loaded(tmp_path, source=source)
    assert [volume.name for volume in volumes] == ["a", "b", "c"]
    np.testing.assert_array_equal(volumes[0].image[:, 0, 0], np.arange(1, 12) % 2)
    one = {**source, "images": "images/a", "labels": "labels/b"}
    volumes = loaded(tmp_path, source=one, holdout={"by": "slab"})
    assert [volume.name for volume in volumes] == ["a-train", "a-validation", "a-test"]


def test_the_fingerprint_follows_content_config_and_seed(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    first = loaded(tmp_path).fingerprint()
    assert first == loaded(tmp_path).fingerprint()
    assert first != loaded(tmp_path, seed=1).fingerprint()
    assert first != loaded(tmp_path, ignore=[2, 7]).fingerprint()
    np.save(tmp_path / "labels" / "a.npy", np.ones(SHAPE, np.uint8))
    assert first != loaded(tmp_path).fingerprint()


def refused(root: Path, match: str, **changes: Any) -> None:
    with pytest.raises(InputError, match=match):
        list(loaded(root, **changes))


def test_labels_of_another_shape(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    np.save(tmp_path / "labels" / "b.npy", np.zeros((10, 5, 6), np.uint8))
    refused(tmp_path, r"b\.npy: labels are \(10, 5, 6\), their image is \(10, 6, 5\)")


def test_unknown_label_values(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    refused(tmp_path, r"a\.npy: label values \[2\] are unknown.*volumes\.ignore", ignore=[])
    np.save(tmp_path / "labels" / "b.npy", np.full(SHAPE, 0.5))
    refused(tmp_path, r"b\.npy: 0\.5 is no label value")


def test_where_zero_is_a_class_one_other_value_is_background(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    assert len(list(loaded(tmp_path, classes={"membrane": 0}))) == 3  # 1 is the background
    refused(tmp_path, r"label values \[2\]", classes={"membrane": 0}, ignore=[])


def test_float_labels_become_integers(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    np.save(tmp_path / "labels" / "b.npy", np.ones(SHAPE))
    labels = loaded(tmp_path)[1].labels
    assert labels is not None
    assert labels.dtype.kind == "i"


def test_labels_without_image(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    np.save(tmp_path / "labels" / "d.npy", np.zeros(SHAPE, np.uint8))
    refused(tmp_path, r"d\.npy: there is no image 'd'")


def test_duplicate_names(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "a b c")
    np.save(tmp_path / "images" / "a.npy", np.zeros(SHAPE, np.uint8))
    refused(tmp_path, r"a\.tif and a\.npy are both the volume 'a'")


def test_a_slab_cannot_take_the_name_of_another_volume(tmp_path: Path) -> None:
    write(tmp_path, "a a-test", "a")
    refused(tmp_path, "two volumes are named 'a-test'", holdout={"by": "slab"})


def test_folders_that_are_empty_or_absent(tmp_path: Path) -> None:
    refused(tmp_path, r"volumes\.source\.images: there is no folder")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "readme.txt").write_text("no volume")
    refused(tmp_path, r"images.*holds no volume.*\.nii\.gz.*slices=true")
    source = {"kind": "files", "images": "images", "slices": True}
    refused(tmp_path, "holds no slice", source=source)


def test_without_labels_there_is_nothing_to_learn(tmp_path: Path) -> None:
    write(tmp_path, "a b c", "")
    source = {"kind": "files", "images": "images"}
    refused(tmp_path, r"set volumes\.source\.labels", source=source)


def test_volumes_are_never_written() -> None:
    with pytest.raises(DatasetError, match="never written"):
        VolumesDataset(config()).save([])


def test_real_magnetic_resonance_images(shared_data: Path) -> None:
    folder = shared_data / "volumes3d" / "msd_task04_hippocampus"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    source = {"kind": "files", "images": "images", "labels": "labels"}
    classes = {"anterior": 1, "posterior": 2}
    volumes = loaded(folder, source=source, classes=classes, ignore=[])
    assert len(volumes) == 109
    assert Counter(volumes.roles().values()) == {"train": 65, "validation": 22, "test": 22}
    first = volumes[0]
    assert (first.name, first.image.shape) == ("hippocampus_001", (35, 51, 35))
    assert first.labels is not None
    assert set(np.unique(first.labels)) == {0, 1, 2}


def test_a_real_stack_of_slices(shared_data: Path) -> None:
    folder = shared_data / "volumes3d" / "isbi2012_em_membrane"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    source = {"kind": "files", "images": "image", "labels": "label", "slices": True}
    volumes = loaded(
        folder, source=source, classes={"membrane": 0}, ignore=[], holdout={"by": "slab"}
    )
    assert {volume.name: len(volume.image) for volume in volumes} == {
        "image-train": 18,
        "image-validation": 6,
        "image-test": 6,
    }
    # neighbouring slices look alike: the natural order of names is that of the stack
    stack = volumes[0].image.astype(np.float64)
    alike = [likeness(stack[z], stack[z + 1]) for z in range(9)]
    far = [likeness(stack[z], stack[z + 9]) for z in range(9)]
    assert np.median(alike) > 2 * np.median(far)


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of two slices."""
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
