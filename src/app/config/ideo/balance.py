"""How the training side is balanced. The job side keeps its natural distribution, always."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, RootModel, model_validator

from app.config.base import Group

G = TypeVar("G", bound=Group)


class NoBalance(Group):
    """Documents as they come."""

    strategy: Literal["none"]


class ClassWeights(Group):
    """Corpus unchanged; models are told weights n / (k * n_label)."""

    strategy: Literal["class_weights"]


class CapDocs(Group):
    """At most `cap_per_label` documents a label, a seeded choice that skips the first `offset`."""

    strategy: Literal["cap_docs"]
    cap_per_label: int = Field(default=5000, ge=1)
    oversample: bool = False  # labels under the cap are filled up to it with duplicates
    offset: int = Field(default=0, ge=0)


class CapTokens(Group):
    """Documents of each label, in seeded order, until its token cap."""

    strategy: Literal["cap_tokens"]
    cap_tokens_per_label: int = Field(default=1_000_000, ge=1)


class AlphaPreset(Group):
    alpha: float = Field(ge=0.0, le=1.0)  # 0: equal quotas; 1: natural proportions
    total_docs: int = Field(ge=1)


class AlphaTotal(Group):
    """Quotas proportional to count^alpha that sum to `total_docs`, at least one a label."""

    strategy: Literal["alpha_total"]
    preset: str = "default"
    presets: dict[str, AlphaPreset]

    @model_validator(mode="after")
    def _preset_exists(self) -> Self:
        return _known_preset(self, self.preset, self.presets)

    def chosen(self) -> AlphaPreset:
        return self.presets[self.preset]


class OversamplePreset(Group):
    ratio: float = Field(gt=0.0, le=1.0)  # every label up to ratio * the largest label


class Oversample(Group):
    """Labels are filled with duplicates (`#dupN`) up to a share of the largest; none shrinks."""

    strategy: Literal["oversample"]
    preset: str = "parity"
    presets: dict[str, OversamplePreset]

    @model_validator(mode="after")
    def _preset_exists(self) -> Self:
        return _known_preset(self, self.preset, self.presets)

    def chosen(self) -> OversamplePreset:
        return self.presets[self.preset]


class Balance(
    RootModel[
        Annotated[
            NoBalance | ClassWeights | CapDocs | CapTokens | AlphaTotal | Oversample,
            Field(discriminator="strategy"),
        ]
    ]
):
    """One balance strategy with the options it reads, and no others."""


def _known_preset(group: G, preset: str, presets: Mapping[str, Group]) -> G:
    if preset not in presets:
        raise ValueError(f"unknown preset {preset!r}; known: {', '.join(sorted(presets))}")
    return group
