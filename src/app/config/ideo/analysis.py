"""How results are judged and shown."""

from pydantic import Field

from app.config.base import Group


class Analysis(Group):
    compare_by: list[str] = []  # metadata fields: one metrics_by_<field>.json each
    group_field: str | None = None  # the group of the group-majority baseline; null: none
    bootstrap_samples: int = Field(default=1000, ge=100)
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    top_features: int = Field(default=15, ge=1, le=50)  # terms shown per label; models keep 50
