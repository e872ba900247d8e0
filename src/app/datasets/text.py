"""A text file that is whole or absent."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.atomic import write_text


class TextDataset(AbstractDataset[str, str]):
    """A UTF-8 text file, replaced atomically."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        return self.filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        write_text(self.filepath, data)

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.filepath)}
