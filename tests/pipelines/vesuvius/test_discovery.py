"""The inventory names what there is, and changes when it does."""

import json

import numpy as np

from app.datasets.volume import Volume
from app.pipelines.vesuvius.discovery import discover


def volume(name: str, value: int, labelled: bool = True) -> Volume:
    image = np.arange(24, dtype=np.uint16).reshape(2, 3, 4) + value
    labels = (image % 3).astype(np.uint8) if labelled else None
    return Volume(name, "train" if labelled else "test", image, labels, f"{name}.tif")


def test_an_inventory_says_what_the_volumes_are() -> None:
    inventory = discover([volume("a", 0), volume("b", 6, labelled=False)])
    first, second = inventory["volumes"]
    assert first["shape"] == [2, 3, 4]
    assert (first["name"], first["role"], first["file"]) == ("a", "train", "a.tif")
    assert (first["dtype"], first["minimum"], first["maximum"]) == ("uint16", 0.0, 23.0)
    assert first["label_counts"] == {"0": 8, "1": 8, "2": 8}
    assert (second["labels"], second["label_counts"], second["minimum"]) == (None, None, 6.0)
    assert (inventory["voxels"], inventory["bytes"]) == (48, 96)
    assert json.loads(json.dumps(inventory, allow_nan=False)) == inventory


def test_its_hash_is_of_all_content() -> None:
    volumes = [volume("a", 0), volume("b", 6)]
    before = discover(volumes)["sha256"]
    assert before == discover(volumes)["sha256"]
    assert before != discover(volumes[:1])["sha256"]
    labels = volumes[1].labels
    assert labels is not None
    labels[1, 2, 3] ^= 1
    assert before != discover(volumes)["sha256"]
