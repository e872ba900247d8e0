"""The registered pipelines: each study, and each of its stages alone."""

from kedro.pipeline import Pipeline

from app.config.tree import STUDIES
from app.studies import study_named


def register_pipelines() -> dict[str, Pipeline]:
    """A study (`ideo`), each of its stages (`ideo.prepare`, ...), and `__default__`, the first
    study, whose stages have short names too (`prepare`)."""
    registered: dict[str, Pipeline] = {}
    for name in STUDIES:
        stages = study_named(name).stages()
        registered[name] = sum(stages.values(), Pipeline([]))
        registered |= {f"{name}.{stage}": part for stage, part in stages.items()}
    first = STUDIES[0]
    short = study_named(first).stages()
    return {"__default__": registered[first], **registered, **short}
