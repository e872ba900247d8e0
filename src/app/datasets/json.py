"""JSON files that are whole or absent, written so that equal content is equal bytes."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.atomic import write_text
from app.errors import InputError


class JsonDataset(AbstractDataset[Any, Any]):
    """A JSON value: sorted keys, indent 2, UTF-8; NaN and infinities are refused."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Any:
        try:
            return json.loads(self.filepath.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"{self.filepath} does not exist; run the stages before this one first: "
                "prepare, train, evaluate"
            ) from None
        except ValueError as error:
            raise InputError(f"{self.filepath} is not valid JSON: {error}") from None

    def save(self, data: Any) -> None:
        text = json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        write_text(self.filepath, text + "\n")

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.filepath)}
