"""Which state of a model is kept: the one with the best macro-F1 on the dev part, cut from the
training side. The job side is never looked at."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from app.pipelines.ideo.metrics import confusion_matrix, encode, macro_f1


class DevSelection:
    """The looks at dev so far: `history`, and where the best was.

    `patience` is in the unit of `at` (steps or epochs); 0 never stops. Ties keep the earlier.
    """

    def __init__(self, dev: pl.DataFrame, labels: list[str], patience: int) -> None:
        self.labels, self.patience = labels, patience
        self.history: list[dict[str, Any]] = []
        self.best_score, self.best_at, self.last_at = -1.0, 0, 0
        self._truth = encode(dev["label"], labels)

    def better(self, predicted: Sequence[str], at: int, **facts: Any) -> bool:
        """Records a look; true when its macro-F1 is the best so far."""
        guesses = encode(pl.Series(predicted, dtype=pl.String), self.labels)
        score = macro_f1(confusion_matrix(self._truth, guesses, len(self.labels)))
        self.history.append({**facts, "dev_macro_f1": score})
        self.last_at = at
        if score <= self.best_score:
            return False
        self.best_score, self.best_at = score, at
        return True

    def exhausted(self) -> bool:
        """No better look for `patience`."""
        return self.patience > 0 and self.last_at - self.best_at >= self.patience

    def note(self) -> str:
        """For a progress display."""
        return f"dev macro-F1 {self.best_score:.3f}" if self.history else ""
