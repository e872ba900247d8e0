"""How MLflow loads a model of ours: `mlflow.pyfunc.load_model(uri).predict(frame_of_texts)`.

The model folder is plain files with a `model_card.json`, whose `loader` names the function that
reads them ("package.module:function", folder -> object with `predict(texts)`). MLflow finds this
module by the name in the MLmodel file; nothing is unpickled.
"""

import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

CARD = "model_card.json"


class Predictor(Protocol):
    def predict(self, texts: Sequence[str], /) -> Sequence[str]: ...


class TextClassifier:
    """Rows with a `text` in, rows with a `label` out."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, rows: Any, params: dict[str, Any] | None = None) -> Any:
        """`rows` and what comes back are pandas frames, as MLflow wants them."""
        labels = self._predictor.predict(rows["text"].astype(str).tolist())
        return rows[[]].assign(label=list(labels))


def find_loader(name: str) -> Callable[[Path], Predictor]:
    """The function that `package.module:function` names."""
    module, function = name.split(":")
    loader: Callable[[Path], Predictor] = getattr(importlib.import_module(module), function)
    return loader


def _load_pyfunc(path: str) -> TextClassifier:
    """MLflow's entry point: `path` is the model folder."""
    card = json.loads((Path(path) / CARD).read_text(encoding="utf-8"))
    return TextClassifier(find_loader(card["loader"])(Path(path)))
