"""The safe submission: a valid one exists after the first candidate, and better ones replace it."""

import logging
from collections.abc import Sequence
from typing import Any

from app.datasets.volume import FeatureVolume
from app.durable.run import DurableRun
from app.pipelines.vesuvius.judging import mean_scores
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.submission import SUBMISSION, write_submission
from app.pipelines.vesuvius.whole_volumes import HowToSegment, masks_to_submit, segmented

UNIT = "safe submission"
SHARE = 0.02  # of the time since the last one that another may cost

log = logging.getLogger(__name__)


class SafeSubmission:
    """Called with each better model. What it takes to segment and package is measured by doing it:
    the reserve that the budget keeps for the end."""

    def __init__(
        self, run: DurableRun, feature_maps: Sequence[FeatureVolume], how: HowToSegment
    ) -> None:
        self._run, self._maps, self._how = run, feature_maps, how
        self._cost = self._at = 0.0
        self._is_first = not (run.folder / SUBMISSION).exists()

    def __call__(self, model: LinearModel, score: float) -> None:
        governor = self._run.governor
        worth = self._is_first or governor.spent() - self._at >= self._cost / SHARE
        if not worth or not governor.may_start(UNIT):
            return
        started = governor.spent()
        with governor.unit(UNIT):
            with self._run.rehearse("segment"):
                done = list(segmented(model, self._maps, self._how))
            with self._run.rehearse("package"):
                classes = len(self._how.volumes.classes)
                masks = masks_to_submit(done)
                sha256 = write_submission(self._run.folder / SUBMISSION, masks, classes)
        self._is_first, self._at = False, governor.spent()
        self._cost = self._at - started
        validation = [each.scores for each in done if each.role == "validation"]
        scores: dict[str, Any] = {**mean_scores(validation)}
        self._run.event(
            "SAFE_SUBMISSION", sha256=sha256, score=score, model=model.sha256(), **scores
        )
        log.info("safe submission: %s, validation score %.4f", SUBMISSION, score)
