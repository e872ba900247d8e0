"""How MLflow loads a model of ours: `mlflow.pyfunc.load_model(uri).predict(frame_of_texts)`.

The model folder is plain files. The MLmodel file beside it names this module, which MLflow asks
to load the folder, and in its `config` the `loader`, the function that reads those files:
"package.module:function", folder -> object with `predict(texts)`. Nothing is unpickled; the
package that has the function must be installed.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol


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


def _load_pyfunc(path: str, config: dict[str, str]) -> TextClassifier:
    """MLflow's entry point: `path` is the model folder, `config` that of the MLmodel file."""
    module, function = config["loader"].split(":")
    load: Callable[[Path], Predictor] = getattr(importlib.import_module(module), function)
    return TextClassifier(load(Path(path)))
