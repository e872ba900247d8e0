"""The stage `evaluate`: whole volumes segmented, post-processed, and judged by volume."""

import logging
from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import FeatureVolume
from app.durable.alarm import DeadlineReached
from app.durable.run import DurableRun
from app.pipelines.vesuvius.judging import mean_scores
from app.pipelines.vesuvius.rows import samples_of
from app.pipelines.vesuvius.whole_volumes import HowToSegment, Segmented, held_out, segmented

log = logging.getLogger(__name__)


def segment_volumes(
    run: DurableRun,
    trained: Arrays,
    feature_maps: list[FeatureVolume],
    volumes: Volumes,
    segmentation: Segmentation,
    judging: Judging,
) -> tuple[Arrays, dict[str, Any]]:
    """The mask of each held-out volume, and what there is to say of it. At the end of the budget
    those that were done; the safe submission has the others."""
    from app.pipelines.vesuvius.whole_training import model_of

    model = model_of(trained)
    how = HowToSegment(volumes, segmentation, judging)
    total, done = len(held_out(feature_maps)), list[Segmented]()
    with run.phase("segment"):
        try:
            with run.until_deadline():
                for each in segmented(model, feature_maps, how):
                    done.append(each)
                    run.event("FILE_DONE", stage="segment", **each.told())
                    run.advance(len(done) / total)
        except DeadlineReached:
            log.warning("the budget is over: %d of %d volumes were segmented", len(done), total)
        run.advance(1.0)
    told = [each.told() for each in done]
    return (
        Arrays({each.name: each.mask for each in done}),
        {
            "volumes": told,
            "complete": len(done) == total,
            "test": mean_scores(each.scores for each in done if each.role == "test"),
            "validation": mean_scores(each.scores for each in done if each.role == "validation"),
        },
    )


def judge_forest(
    samples: Arrays,
    feature_maps: list[FeatureVolume],
    volumes: Volumes,
    segmentation: Segmentation,
    judging: Judging,
    seed: int,
) -> dict[str, Any]:
    """The same volumes, rows, features and post-processing with a random forest of 100 trees; {}
    where nobody asked for it."""
    from app.pipelines.vesuvius.forest import forest_of

    if not judging.forest:
        return {}
    forest = forest_of(samples_of(samples), seed)
    done = list(segmented(forest, feature_maps, HowToSegment(volumes, segmentation, judging)))
    return {
        "volumes": [each.told() for each in done],
        "test": mean_scores(each.scores for each in done if each.role == "test"),
    }


def volume_metrics(scores: dict[str, Any], forest: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Model -> mean scores over the test volumes."""
    told = {"volumes/logistic": scores["test"]}
    return told | ({"volumes/random_forest": forest["test"]} if forest else {})


def create_pipeline() -> Pipeline:
    """From the model to masks and scores."""
    how = ["params:volumes", "params:segmentation", "params:judging"]
    return Pipeline(
        [
            Node(
                segment_volumes,
                ["run", "trained_model", "feature_maps", *how],
                ["masks", "volume_scores"],
                name="segment_volumes",
            ),
            Node(
                judge_forest,
                ["samples", "feature_maps", *how, "params:seed"],
                "forest_scores",
                name="judge_forest",
            ),
            Node(
                volume_metrics,
                ["volume_scores", "forest_scores"],
                "volume_metrics",
                name="volume_metrics",
            ),
        ],
        tags="evaluate",
    )
