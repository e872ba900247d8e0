"""The stage `train`: from rows to the final model. What it imports it imports when it runs: the
other studies' runs do without compiled code."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.budget import Checkpointing
from app.config.vesuvius.features import Design
from app.config.vesuvius.segmentation import Judging, Segmentation
from app.config.vesuvius.training import Distillation, Search, Solver, Training
from app.config.vesuvius.volumes import Volumes
from app.datasets.arrays import Arrays
from app.datasets.volume import FeatureVolume
from app.durable.run import DurableRun


def train_model(
    run: DurableRun,
    kept: Arrays,
    feature_maps: list[FeatureVolume],
    volumes: Volumes,
    segmentation: Segmentation,
    judging: Judging,
    design: Design,
    training: Training,
    solver: Solver,
    search: Search,
    distillation: Distillation,
    checkpoint: Checkpointing,
    seed: int,
) -> tuple[Arrays, list[dict[str, Any]], dict[str, Any]]:
    """The final model; the last scores of every candidate; the evidence of the distillation."""
    from app.pipelines.vesuvius.whole_training import trained

    return trained(
        run,
        kept,
        feature_maps,
        volumes,
        segmentation,
        judging,
        design,
        training,
        solver,
        search,
        distillation,
        checkpoint,
        seed,
    )


def create_pipeline() -> Pipeline:
    """From rows to the final model."""
    how = ["params:volumes", "params:segmentation", "params:judging"]
    choices = ["design", "training", "solver", "search", "distillation", "checkpoint", "seed"]
    return Pipeline(
        [
            Node(
                train_model,
                ["run", "samples", "feature_maps", *how, *(f"params:{name}" for name in choices)],
                ["trained_model", "candidate_scores", "distillation_evidence"],
                name="train_model",
            )
        ],
        tags="train",
    )
