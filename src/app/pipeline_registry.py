"""The registered pipelines: a study, and each of its stages alone."""

from kedro.pipeline import Pipeline

from app.pipelines import ideo


def register_pipelines() -> dict[str, Pipeline]:
    """`ideo`, its stages (`prepare`, also as `ideo.prepare`, ...), and `__default__` = `ideo`."""
    stages = ideo.stages()
    study = sum(stages.values(), Pipeline([]))
    return {
        "__default__": study,
        "ideo": study,
        **stages,
        **{f"ideo.{name}": stage for name, stage in stages.items()},
    }
