"""The scores of masks against the truth: of each class in a volume, and their means.

`combined` is the score of the field's surface-detection challenge: 0.30 topology + 0.35
SurfaceDice + 0.35 VOI score.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.config.vesuvius.segmentation import Judging
from app.pipelines.vesuvius.overlap import Overlap, Truth, check_shape, overlap
from app.pipelines.vesuvius.surface import surface_dice
from app.pipelines.vesuvius.topology import Betti, betti, topology_score
from app.pipelines.vesuvius.voi import Variation, variation

TOPOLOGY, SURFACE, VOI = 0.30, 0.35, 0.35
MEANS = (
    "dice",
    "iou",
    "f_beta",
    "precision",
    "recall",
    "surface_dice",
    "voi_split",
    "voi_merge",
    "voi_score",
    "topology",
    "combined",
)


@dataclass(frozen=True)
class Scores:
    """Of one class in one volume."""

    overlap: Overlap
    surface_dice: float
    variation: Variation
    found: Betti
    there: Betti

    @property
    def topology(self) -> float:
        return topology_score(self.found, self.there)

    @property
    def combined(self) -> float:
        return TOPOLOGY * self.topology + SURFACE * self.surface_dice + VOI * self.variation.score

    def to_json(self) -> dict[str, Any]:
        """Every score by its name (see MEANS), and the Betti numbers of the mask and the truth."""
        return {
            **asdict(self.overlap),
            "surface_dice": self.surface_dice,
            "voi_split": self.variation.split,
            "voi_merge": self.variation.merge,
            "voi_score": self.variation.score,
            "topology": self.topology,
            "combined": self.combined,
            "betti_found": asdict(self.found),
            "betti_true": asdict(self.there),
        }


def judge(
    mask: np.ndarray, truth: Truth, classes: Iterable[str], settings: Judging
) -> dict[str, Scores]:
    """Class -> scores of a mask of class codes (z, y, x) uint8; {} where no voxel counts.

    Raises InputError where the mask has another shape than the truth.
    """
    check_shape(mask, truth)
    if not truth.counted.any():
        return {}
    return {
        name: _judge_class(mask, truth, code, settings)
        for code, name in enumerate(classes, start=1)
    }


def _judge_class(mask: np.ndarray, truth: Truth, code: int, settings: Judging) -> Scores:
    found = (mask == code) & truth.counted
    there = (truth.codes == code) & truth.counted
    return Scores(
        overlap=overlap(mask, truth, code, settings.beta),
        surface_dice=surface_dice(found, there, truth.counted, settings.surface_tolerance),
        variation=variation(found, there, truth.counted),
        found=betti(found),
        there=betti(there),
    )


def mean_scores(judged: Iterable[Mapping[str, Scores]]) -> dict[str, float]:
    """The mean of each score in MEANS over volumes and, in each, its classes; {} of no volume."""
    by_class = [scores.to_json() for volume in judged for scores in volume.values()]
    return {
        name: float(np.mean([scores[name] for scores in by_class])) for name in MEANS if by_class
    }
