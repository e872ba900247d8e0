"""What the models of one family say of the job side: <folder>/<model_id>.parquet."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset

from app.durable.atomic import atomic_folder


class PredictionsDataset(AbstractDataset[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]):
    """model_id -> table of id, label, predicted, score. Saving replaces the whole folder, so that
    what is loaded is what was just predicted; `{}` and no folder when the family has no model."""

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.metadata = metadata

    def load(self) -> dict[str, pl.DataFrame]:
        files = sorted(self.folder.glob("*.parquet"))
        return {file.stem: pl.read_parquet(file) for file in files}

    def save(self, data: dict[str, pl.DataFrame]) -> None:
        if not data:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        with atomic_folder(self.folder) as partial:
            for model_id, table in data.items():
                table.write_parquet(partial / f"{model_id}.parquet", compression="zstd")

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}
