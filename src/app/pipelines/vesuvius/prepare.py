"""The stage `prepare`: which volumes there are, their feature maps, the voxels to learn from.

Nothing can be handed in before it is done: at the deadline of its phases it raises
`DeadlineReached`, and what the stores have by then is kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from kedro.pipeline import Node, Pipeline

from app.config.vesuvius.features import Features, Sampling
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import FeatureVolume, MapStatistics, Volume
from app.datasets.volume_store import PendingFeatures
from app.datasets.volumes import VolumeSet
from app.durable.run import DurableRun
from app.pipelines.vesuvius.discovery import discover
from app.pipelines.vesuvius.features import pending_features
from app.pipelines.vesuvius.rows import samples_to_arrays
from app.pipelines.vesuvius.sampling import sample


def discover_volumes(run: DurableRun, sources: VolumeSet) -> dict[str, Any]:
    """The inventory: names, roles, shapes, types, hashes."""
    with run.phase("discovery"), run.governor.deadline_alarm():
        inventory = discover(sources)
        run.event("DATASET_DISCOVERY", sha256=inventory["sha256"], voxels=inventory["voxels"])
        for told in inventory["volumes"]:
            rest = {key: value for key, value in told.items() if key != "name"}
            run.event("TRAIN_DISCOVERY", volume=told["name"], **rest)
        run.advance(1.0)
    return inventory


def load_volumes(run: DurableRun, sources: VolumeSet, inventory: dict[str, Any]) -> "Loading":
    """The volumes, read one at a time as they are written to the store."""
    return Loading(run, sources)


@dataclass(frozen=True)
class Loading(Iterable[Volume]):
    """Volumes on their way; an iterable and no generator, which Kedro would save part by part."""

    run: DurableRun
    sources: VolumeSet

    def __iter__(self) -> Iterator[Volume]:
        with self.run.phase("load"), self.run.governor.deadline_alarm():
            for number, volume in enumerate(self.sources, start=1):
                self.run.event("FILE_START", stage="load", volume=volume.name)
                yield volume
                self.run.advance(number / len(self.sources))


def compute_features(run: DurableRun, volumes: list[Volume], features: Features) -> "PendingMaps":
    """The feature maps to be computed, each volume's where its store has them not."""
    return PendingMaps(run, pending_features(volumes, features))


@dataclass(frozen=True)
class PendingMaps(Iterable[PendingFeatures]):
    """Feature maps on their way: computed as their store asks for them."""

    run: DurableRun
    pending: list[PendingFeatures]

    def __iter__(self) -> Iterator[PendingFeatures]:
        with self.run.phase("features"), self.run.governor.deadline_alarm():
            for number, each in enumerate(self.pending, start=1):
                yield replace(each, compute=partial(self._compute, each))
                self.run.advance(number / len(self.pending))

    def _compute(self, pending: PendingFeatures, maps: np.ndarray) -> tuple[MapStatistics, ...]:
        self.run.event("FILE_START", stage="features", volume=pending.volume.name)
        statistics = pending.compute(maps)
        for name, told in zip(pending.names, statistics, strict=True):
            self.run.event("ARRAY_TRACE", volume=pending.volume.name, map=name, **asdict(told))
        self.run.event("FILE_DONE", stage="features", volume=pending.volume.name)
        return statistics


def sample_rows(
    run: DurableRun,
    feature_maps: list[FeatureVolume],
    volumes: Volumes,
    sampling: Sampling,
    seed: int,
) -> Arrays:
    """Training, validation and unlabelled rows."""
    with run.phase("train_data"), run.governor.deadline_alarm():
        samples = sample(feature_maps, volumes, sampling, seed)
        kept = samples_to_arrays(samples)
        run.event(
            "GLOBAL_STATS",
            train_rows=len(samples.train.features),
            validation_rows=len(samples.validation.features),
            unlabelled_rows=len(samples.unlabelled),
            features=len(samples.train.names),
            positives=samples.train.target.sum(axis=0).tolist(),
        )
        run.advance(1.0)
    return kept


def create_pipeline() -> Pipeline:
    """From volumes to rows."""
    return Pipeline(
        [
            Node(
                discover_volumes,
                ["run", "volume_sources"],
                "volume_inventory",
                name="discover_volumes",
            ),
            Node(
                load_volumes,
                ["run", "volume_sources", "volume_inventory"],
                "volume_store",
                name="load_volumes",
            ),
            Node(
                compute_features,
                ["run", "volume_store", "params:features"],
                "feature_maps",
                name="compute_features",
            ),
            Node(
                sample_rows,
                ["run", "feature_maps", "params:volumes", "params:sampling", "params:seed"],
                "samples",
                name="sample_rows",
            ),
        ],
        tags="prepare",
    )
