"""`janus`: sampling models of the expansion, and comparing them."""

from kedro.pipeline import Pipeline


def stages() -> dict[str, Pipeline]:
    """The stages in the order they run."""
    from app.pipelines.janus import report, sample

    return {"sample": sample.create_pipeline(), "report": report.create_pipeline()}
