"""Arrays by name: a folder of .npy files beside `about.json`, whole or absent, memory-mapped."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset

from app.durable.atomic import atomic_folder
from app.errors import InputError

ABOUT = "about.json"


@dataclass(frozen=True)
class Arrays:
    """What is kept together."""

    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, Any] = field(default_factory=dict)  # JSON


class ArraysDataset(AbstractDataset[Arrays, Arrays]):
    """Kedro dataset of `Arrays`.

    Args:
        folder: replaced as a whole; nothing else may live in it.
    """

    replaces_folder = True

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    def save(self, data: Arrays) -> None:
        with atomic_folder(self.folder) as partial:
            for name, array in data.arrays.items():
                np.save(partial / f"{name}.npy", array, allow_pickle=False)
            about = {"arrays": list(data.arrays), "about": dict(data.about)}
            (partial / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    def load(self) -> Arrays:
        try:
            kept = json.loads((self.folder / ABOUT).read_text(encoding="utf-8"))
            arrays = {
                name: np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in kept["arrays"]
            }
        except FileNotFoundError as error:
            raise InputError(
                f"{error.filename} does not exist; run the stages before this one first"
            ) from None
        except ValueError as error:
            raise InputError(f"{self.folder}: it cannot be read ({error}); make it again") from None
        return Arrays(arrays, kept["about"])

    def _exists(self) -> bool:
        return (self.folder / ABOUT).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
