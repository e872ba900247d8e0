"""A folder of small text files under one suffix (the plots of a report), replaced as a whole."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.atomic import atomic_folder


class TextFolderDataset(AbstractDataset[dict[str, str], dict[str, str]]):
    """name -> text, saved as <folder>/<name><suffix>. Files of an earlier save do not stay."""

    def __init__(
        self, folder: str, suffix: str = ".svg", metadata: dict[str, Any] | None = None
    ) -> None:
        self.folder, self._suffix = Path(folder), suffix
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        files = sorted(self.folder.glob(f"*{self._suffix}"))
        return {path.name.removesuffix(self._suffix): path.read_text("utf-8") for path in files}

    def save(self, data: dict[str, str]) -> None:
        with atomic_folder(self.folder) as partial:
            for name, text in data.items():
                file = partial / f"{name}{self._suffix}"
                file.write_text(text, encoding="utf-8", newline="\n")

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "suffix": self._suffix}
