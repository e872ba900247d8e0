"""The stage `evaluate`: whole volumes segmented, post-processed, and judged by volume."""

import logging
from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.training import Training
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import FeatureVolume
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
        with run.until_deadline():
            for each in segmented(model, feature_maps, how):
                done.append(each)
                run.event("FILE_DONE", stage="segment", **each.told())
                run.advance(len(done) / total)
        if len(done) < total:
            log.warning("the budget is over: %d of %d volumes were segmented", len(done), total)
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
    run: DurableRun,
    samples: Arrays,
    feature_maps: list[FeatureVolume],
    scores: dict[str, Any],
    volumes: Volumes,
    segmentation: Segmentation,
    judging: Judging,
    training: Training,
    seed: int,
) -> dict[str, Any]:
    """The same test volumes, features and post-processing with a random forest of 100 trees; {}
    where nobody asked for it, and why it is missing where there was no time. It comes after the
    model's own `scores`: what is handed in goes first."""
    from app.pipelines.vesuvius.forest import forest_of

    if not judging.forest:
        return {}
    how, done = HowToSegment(volumes, segmentation, judging), list[Segmented]()
    tests = [each for each in feature_maps if each.volume.role == "test"]
    with run.phase("forest"):
        with run.until_deadline():
            learned_from = samples_of(samples)
            forest = forest_of(learned_from, judging.forest_rows, training.thresholds, seed)
            for each in segmented(forest, tests, how):
                done.append(each)
                run.event("FILE_DONE", stage="forest", **each.told())
                run.advance(len(done) / len(tests))
        if len(done) < len(tests):
            reason = (
                f"The random forest was left out: the budget had no time for it ({len(done)} of "
                f"{len(tests)} test volumes were done). Give budget.total more, or "
                "budget.phases.train_fit a limit."
            )
            log.warning(reason)
            run.event("FOREST_SKIPPED", done=len(done), volumes=len(tests))
            return {"skipped": reason}
    return {
        "volumes": [each.told() for each in done],
        "test": mean_scores(each.scores for each in done),
    }


def volume_metrics(scores: dict[str, Any], forest: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Model -> mean scores over the test volumes."""
    told = {"volumes/logistic": scores["test"]}
    return told | ({"volumes/random_forest": forest["test"]} if "test" in forest else {})


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
                [
                    *("run", "samples", "feature_maps", "volume_scores"),
                    *(*how, "params:training", "params:seed"),
                ],
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
