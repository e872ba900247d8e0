"""Which documents stay: lengths, modality, language, duplicates, actors."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.config.base import Group


class ActorFilter(Group):
    """Limits on the actors (sites, parties) that documents come from."""

    field: str = "actor"  # the metadata field; `actor` is filled in by an ideology view
    include: list[str] = []  # only these; []: all
    min_docs: int = Field(default=0, ge=0)  # actors with fewer documents are left out


class Filters(Group):
    """Every document dropped is counted under one reason: seen = kept + dropped by reason."""

    min_chars: int | None = Field(default=200, ge=0)
    max_chars: int | None = Field(default=None, ge=1)
    min_tokens: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=512, ge=1)
    tokenizer: str = Field(default="whitespace", pattern=r"^(whitespace|simple|spacy:[a-z]{2,3})$")
    modality: list[str] = []  # []: all
    language: list[str] = []  # []: all
    dedup_on: Literal["none", "id", "text", "id_and_text"] = "none"  # keeps the first of each
    near_duplicates: Literal["off", "report", "drop"] = "report"
    near_threshold: float = Field(default=0.8, gt=0.0, le=1.0)  # Jaccard of word 5-shingles
    max_docs_global: int | None = Field(default=None, ge=1)  # a seeded sample, never the first
    actors: ActorFilter = ActorFilter()

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        for unit in ("chars", "tokens"):
            low, high = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{unit}={low} is above max_{unit}={high}")
        return self
