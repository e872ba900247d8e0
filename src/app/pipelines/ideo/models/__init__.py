"""The model families. Each has `train(...)`, and `load(folder, card)` for what it saved."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from app.datasets.models import CARD, read_card
from app.errors import InputError, nearest
from app.pipelines.ideo.models import check, hf, sklearn, spacy


class Predictor(Protocol):
    """A trained model that classifies texts."""

    @property
    def labels(self) -> list[str]:
        """The labels it can say, sorted."""

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The label of each text."""

    def predict_scored(self, texts: Sequence[str]) -> tuple[list[str], list[float]]:
        """The label of each text and the model's score of that label: a probability, or the
        distance to the boundary where the model has none."""


_LOADERS: dict[str, Callable[[Path, dict[str, Any]], Predictor]] = {
    "check": check.load,
    "sklearn": sklearn.load,
    "spacy": spacy.load,
    "hf": hf.load,
}


def load_model(folder: Path) -> Predictor:
    """The model saved in `folder`, ready to predict; InputError when it is not one of ours."""
    card = read_card(folder)
    family = card.get("family")
    if family not in _LOADERS:
        raise InputError(
            f"{folder / CARD}: unknown family {family!r}{nearest(str(family), _LOADERS)}"
        )
    return _LOADERS[family](folder, card)
