"""`vesuvius`: segmenting 3D volumes under a deadline."""

from kedro.pipeline import Pipeline


def stages() -> dict[str, Pipeline]:
    """The stages in the order they run."""
    from app.pipelines.vesuvius import evaluate, prepare, report, train

    return {
        "prepare": prepare.create_pipeline(),
        "train": train.create_pipeline(),
        "evaluate": evaluate.create_pipeline(),
        "report": report.create_pipeline(),
    }
