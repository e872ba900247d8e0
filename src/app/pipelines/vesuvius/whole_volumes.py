"""Whole volumes segmented with a model and judged where there is a truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.volumes import Volumes
from app.datasets.volume import FeatureVolume
from app.pipelines.vesuvius.judging import Scores, judge
from app.pipelines.vesuvius.overlap import truth_of
from app.pipelines.vesuvius.postprocess import postprocess
from app.pipelines.vesuvius.segmentation import VoxelModel, voxel_probabilities


@dataclass(frozen=True)
class Segmented:
    """One volume that training has not seen."""

    name: str
    role: str  # validation or test
    file_name: str  # in a submission
    mask: np.ndarray  # (z, y, x) uint8: 0 background, 1 to K the classes
    scores: dict[str, Scores]  # class -> scores; {} where nobody labelled it

    def told(self) -> dict[str, Any]:
        """Without the mask, as JSON."""
        judged = {name: scores.to_json() for name, scores in self.scores.items()}
        return {"volume": self.name, "role": self.role, "scores": judged}


@dataclass(frozen=True)
class HowToSegment:
    """What segmenting and judging follow from, beside the model."""

    volumes: Volumes
    segmentation: Segmentation
    judging: Judging


def held_out(feature_maps: Sequence[FeatureVolume]) -> list[FeatureVolume]:
    """The test volumes, then those for validation."""
    return [
        each for role in ("test", "validation") for each in feature_maps if each.volume.role == role
    ]


def segmented(
    model: VoxelModel, feature_maps: Sequence[FeatureVolume], how: HowToSegment
) -> Iterator[Segmented]:
    """Each held-out volume, as it is done."""
    for each in held_out(feature_maps):
        volume = each.volume
        mask = postprocess(voxel_probabilities(model, each), model.thresholds, how.segmentation)
        scores: dict[str, Scores] = {}
        if volume.labels is not None:
            truth = truth_of(volume.labels, how.volumes.classes, how.volumes.ignore)
            scores = judge(mask, truth, how.volumes.classes, how.judging)
        yield Segmented(volume.name, volume.role, volume.file_name, mask, scores)


def masks_to_submit(done: Sequence[Segmented]) -> list[tuple[str, np.ndarray]]:
    """File name and mask of each test volume."""
    return [(each.file_name, each.mask) for each in done if each.role == "test"]
