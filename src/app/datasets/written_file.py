"""A file that a node wrote itself, atomically and as it worked: the catalog knows where it is, so
that it can be tracked; saving checks that it is there."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.errors import InputError


class WrittenFileDataset(AbstractDataset[Any, Path]):
    """Kedro dataset of one file; what is saved is whatever there is to say of it."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        if not self.filepath.is_file():
            raise InputError(
                f"{self.filepath} does not exist; run the stages before this one first"
            )
        return self.filepath

    def save(self, data: Any) -> None:
        self.load()

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.filepath)}
