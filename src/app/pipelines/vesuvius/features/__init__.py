"""Feature maps of volumes: what is computed of each voxel, kept by what it follows from."""

import hashlib
import json
from collections.abc import Iterable
from functools import partial

import numpy as np

from app.config.vesuvius.features import Features
from app.datasets.volume import FeatureVolume, MapStatistics, Volume
from app.datasets.volume_store import PendingFeatures, array_digest
from app.errors import InputError, MissingExtraError
from app.pipelines.vesuvius.features.names import feature_names

VERSION = 1  # of the arithmetic: a change of any map's values counts it up


def pending_features(volumes: Iterable[Volume], config: Features) -> list[PendingFeatures]:
    """The feature maps of each volume, computed only when their store has them not."""
    names = feature_names(config)
    return [
        PendingFeatures(features_key(volume, config), volume, names, partial(_fill, volume, config))
        for volume in volumes
    ]


def features_of(volume: Volume, config: Features) -> FeatureVolume:
    """The feature maps of a volume, in memory."""
    names = feature_names(config)
    maps = np.empty((len(names), *volume.image.shape), dtype=np.float32)
    return FeatureVolume(volume, maps, names, _fill(volume, config, maps))


def features_key(volume: Volume, config: Features) -> str:
    """Of the image, the config and the arithmetic; not of the blocks, which change nothing."""
    said = {
        "image": array_digest(volume.image),
        "features": config.model_dump(mode="json", exclude={"block"}),
        "version": VERSION,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _fill(volume: Volume, config: Features, maps: np.ndarray) -> tuple[MapStatistics, ...]:
    from app.pipelines.vesuvius.features.multiscale import fill_maps

    try:
        return fill_maps(volume.image, config, maps)
    except ImportError as error:
        raise MissingExtraError(
            f"feature maps need {error.name}\n  pip install 'superior[volumes]'"
        ) from error
    except InputError as error:
        raise InputError(f"volume {volume.name}: {error}") from None
