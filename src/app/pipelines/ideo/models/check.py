"""Family `check`: trains nothing. It counts what the other families were given and predicts the
majority label, so that a run shows what its data is worth before any model does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.ideo.models import CheckModel
from app.datasets.models import TrainedModel

_FILE = "counts.json"


@dataclass(frozen=True)
class MajorityPredictor:
    """Says the label most training documents have, with its share as score."""

    labels: list[str]
    majority: str
    share: float

    def predict(self, texts: Sequence[str]) -> list[str]:
        return [self.majority] * len(texts)

    def predict_scored(self, texts: Sequence[str]) -> tuple[list[str], list[float]]:
        return self.predict(texts), [self.share] * len(texts)


def train(
    model_id: str,
    spec: CheckModel,
    label_counts: Mapping[str, int],
    formats: Mapping[str, Any],
    seed: int,
    identity: Mapping[str, Any],
) -> TrainedModel:
    """Counts of the training side, by label, and of each format that was written."""
    counts = {label: label_counts[label] for label in sorted(label_counts)}
    card = {
        "model_id": model_id,
        "family": spec.family,
        "spec": spec.model_dump(mode="json"),
        "labels": list(counts),
        "seed": seed,
        "identity": dict(identity),
        "n_train_docs": sum(counts.values()),
        "capped_from": None,
        "packages": {},
        "class_weights": None,
        "history": [],
        "formats": dict(formats),
    }

    def write(folder: Path) -> None:
        (folder / _FILE).write_text(
            json.dumps(counts, indent=2, ensure_ascii=False) + "\n", "utf-8"
        )

    return TrainedModel(model_id, spec.family, card, write)


def load(folder: Path, card: dict[str, Any]) -> MajorityPredictor:
    counts = json.loads((folder / _FILE).read_text("utf-8"))
    majority = max(sorted(counts), key=counts.__getitem__)
    return MajorityPredictor(card["labels"], majority, counts[majority] / sum(counts.values()))
