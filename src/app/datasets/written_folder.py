"""A folder that a node wrote itself: the catalog knows where it is, so that it can be tracked;
saving checks that it is there."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.errors import InputError


class WrittenFolderDataset(AbstractDataset[Any, Path]):
    """Kedro dataset of one folder; what is saved is whatever there is to say of it."""

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    def load(self) -> Path:
        if not self.folder.is_dir():
            raise InputError(f"{self.folder} does not exist; run the stages before this one first")
        return self.folder

    def save(self, data: Any) -> None:
        self.load()

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
