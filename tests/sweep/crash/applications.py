"""Programs that know how to make their runs smaller, or fail to get ready for them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from app.sweep.application import Application


class Smaller(Application):
    def smaller(
        self, composed: DictConfig, folder: Path, factor: float
    ) -> Mapping[str, Any] | None:
        return {"mb": int(composed.mb * factor)} if "mb" in composed else None


class Unready(Application):
    def warm(self, families: Sequence[str]) -> None:
        raise ImportError("no module named absent")
