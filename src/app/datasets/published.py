"""The files of a checkpoint as they are published: copies beside what there is to say of them."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.atomic import atomic_folder
from app.errors import InputError

ABOUT = "about.json"


@dataclass(frozen=True)
class Published:
    """Files, and what to say of them; no files: nothing is published."""

    files: Sequence[Path] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


class PublishedDataset(AbstractDataset[Published, Published]):
    """Kedro dataset of one folder, replaced as a whole."""

    replaces_folder = True

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    def save(self, data: Published) -> None:
        with atomic_folder(self.folder) as partial:
            for file in data.files:
                shutil.copy2(file, partial / file.name)
            text = json.dumps(dict(data.about), indent=2) + "\n"
            (partial / ABOUT).write_text(text, encoding="utf-8")

    def load(self) -> Published:
        file = self.folder / ABOUT
        if not file.is_file():
            raise InputError(f"{file} does not exist; run the stage `report` first")
        files = [path for path in sorted(self.folder.iterdir()) if path != file]
        return Published(files, json.loads(file.read_text(encoding="utf-8")))

    def _exists(self) -> bool:
        return (self.folder / ABOUT).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
