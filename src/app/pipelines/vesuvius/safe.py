"""The safe submission: a valid one exists after the first candidate, and better ones replace it."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import jinja2  # noqa: F401  (what the page needs is imported before its cost is measured)
import matplotlib.image  # noqa: F401

from app.datasets.volume import FeatureVolume
from app.durable.run import DurableRun
from app.pipelines.vesuvius.judging import mean_scores
from app.pipelines.vesuvius.model import LinearModel
from app.pipelines.vesuvius.page.findings import Pictured
from app.pipelines.vesuvius.page.slices import slices_of
from app.pipelines.vesuvius.submission import SUBMISSION, write_submission
from app.pipelines.vesuvius.summary import pictured
from app.pipelines.vesuvius.whole_volumes import (
    HowToSegment,
    Segmented,
    masks_to_submit,
    segmented,
)

UNIT = "safe submission"
SHARE = 0.02  # of the time since the last one that another may cost

log = logging.getLogger(__name__)


class SafeSubmission:
    """Called with each better model. What it takes to segment and package, pictures for the page
    included, is measured by doing it: the reserve that the budget keeps for the end."""

    def __init__(
        self,
        run: DurableRun,
        feature_maps: Sequence[FeatureVolume],
        how: HowToSegment,
        then: Callable[[LinearModel], None] | None = None,
    ) -> None:
        """`then` is called once, with the model of the first safe submission of this process."""
        self._run, self._maps, self._how, self._then = run, feature_maps, how, then
        self._cost = self._at = 0.0
        self._is_first = not (run.folder / SUBMISSION).exists()

    def __call__(self, model: LinearModel, score: float) -> None:
        governor = self._run.governor
        worth = self._is_first or governor.spent() - self._at >= self._cost / SHARE
        if worth and governor.may_start(UNIT):
            self.make(model, score)
            then, self._then = self._then, None
            if then is not None:
                then(model)

    def require(self, model: LinearModel, score: float) -> None:
        """The one there must be, whatever the time, where there is none yet."""
        if self._is_first:
            self.make(model, score)

    def make(self, model: LinearModel, score: float) -> None:
        """Another one, whatever the time and whatever there is."""
        governor = self._run.governor
        started = governor.spent()
        with governor.unit(UNIT):
            with self._run.rehearse("segment"):
                done = list(segmented(model, self._maps, self._how))
            with self._run.rehearse("package"):
                classes = len(self._how.volumes.classes)
                masks = masks_to_submit(done)
                sha256 = write_submission(self._run.folder / SUBMISSION, masks, classes)
                for each in self._pictured(done):
                    slices_of(each)
        self._is_first, self._at = False, governor.spent()
        self._cost = self._at - started
        validation = [each.scores for each in done if each.role == "validation"]
        scores: dict[str, Any] = {**mean_scores(validation)}
        self._run.event(
            "SAFE_SUBMISSION", sha256=sha256, score=score, model=model.sha256(), **scores
        )
        log.info("safe submission: %s, validation score %.4f", SUBMISSION, score)

    def _pictured(self, done: Sequence[Segmented]) -> list[Pictured]:
        masks = {each.name: each.mask for each in done}
        return pictured(masks, [each.volume for each in self._maps], self._how.volumes)
