"""`ideo`: classifying political text by ideology, from TEI corpora."""

from kedro.pipeline import Pipeline


def stages() -> dict[str, Pipeline]:
    """The stages in the order they run."""
    from app.pipelines.ideo import evaluate, prepare, report, train  # only a run needs tables

    return {
        "prepare": prepare.create_pipeline(),
        "train": train.create_pipeline(),
        "evaluate": evaluate.create_pipeline(),
        "report": report.create_pipeline(),
    }
