"""Trained models on disk: <folder>/<model_id>/, the model's own files beside `model_card.json`.

The card says what was trained, on what, and how it went; no time of day is in it, so that the
same config gives the same bytes. Each model is saved the moment it is trained.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.atomic import atomic_folder
from app.errors import InputError

CARD = "model_card.json"


@dataclass(frozen=True)
class TrainedModel:
    """A model just trained: its card, and how it writes its files into an empty folder."""

    model_id: str
    family: str
    card: dict[str, Any]
    write: Callable[[Path], None]


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk."""

    path: Path
    card: dict[str, Any]


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the model in `folder`; InputError when there is none."""
    file = folder / CARD
    try:
        card: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no model: {CARD} is absent; train it first") from None
    except ValueError as error:
        raise InputError(f"{file} is not JSON ({error}); train the model again") from error
    return card


class ModelsDataset(AbstractDataset[dict[str, TrainedModel], dict[str, ModelFolder]]):
    """model_id -> model. Saving replaces the models given and leaves the others: another run of
    the same dataset and view may have trained them."""

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    def load(self) -> dict[str, ModelFolder]:
        cards = sorted(self.folder.glob(f"[!.]*/{CARD}"))
        return {
            card.parent.name: ModelFolder(card.parent, read_card(card.parent)) for card in cards
        }

    def save(self, data: dict[str, TrainedModel]) -> None:
        for model_id, model in data.items():
            with atomic_folder(self.folder / model_id) as partial:
                model.write(partial)
                card = json.dumps(model.card, indent=2, sort_keys=True, ensure_ascii=False)
                (partial / CARD).write_text(card + "\n", encoding="utf-8", newline="\n")

    def _exists(self) -> bool:
        return any(self.folder.glob(f"[!.]*/{CARD}"))

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
