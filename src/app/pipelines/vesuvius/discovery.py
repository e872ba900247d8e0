"""The inventory of a run's volumes: what there is, before anything is computed from it."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from app.datasets.volume import Volume
from app.datasets.volume_labels import label_counts
from app.datasets.volume_store import array_digest


def discover(volumes: Iterable[Volume]) -> dict[str, Any]:
    """`{"volumes": [...], "voxels": n, "bytes": n, "sha256": of all content}`, as JSON. Of each
    volume: name, role, file, shape (z, y, x), dtype, minimum, maximum, sha256 of the image and of
    the labels, label value -> voxels (null where nobody labelled)."""
    entries = [_entry(volume) for volume in volumes]
    digests = "\n".join(f"{each['name']} {each['image']} {each['labels']}" for each in entries)
    return {
        "volumes": entries,
        "voxels": sum(each["voxels"] for each in entries),
        "bytes": sum(each["bytes"] for each in entries),
        "sha256": hashlib.sha256(digests.encode()).hexdigest(),
    }


def _entry(volume: Volume) -> dict[str, Any]:
    image, labels = volume.image, volume.labels
    counts = None if labels is None else label_counts(labels)
    lowest, highest = _range(image)
    return {
        "name": volume.name,
        "role": volume.role,
        "file": volume.file_name,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "voxels": image.size,
        "bytes": image.nbytes,
        "minimum": lowest,
        "maximum": highest,
        "image": array_digest(image),
        "labels": None if labels is None else array_digest(labels),
        "label_counts": counts and {str(value): count for value, count in counts.items()},
    }


def _range(image: np.ndarray) -> tuple[float, float]:
    lowest = min(float(voxels.min()) for voxels in image)
    highest = max(float(voxels.max()) for voxels in image)
    return lowest, highest
