"""What is predicted: a view turns a document's metadata into its label."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.config.base import NAME, Group

IdeologyLevel = Literal["binary", "five_way", "left_intra", "right_intra"]


class UnknownLabels(Group):
    """What becomes of documents whose key has no label in the view."""

    policy: Literal["drop", "keep", "other"] = "drop"  # keep: the key itself becomes the label
    other_label: str = "other"


class View(Group):
    """The label of a document, from its actor's ideology or from one of its metadata fields."""

    name: str = Field(pattern=NAME)  # the folder of its files
    source: Literal["ideology", "field"]
    level: IdeologyLevel | None = None  # with source=ideology
    actors_file: str | None = None  # with source=ideology: the actors' YAML
    field: str | None = None  # with source=field: the metadata field that holds the label
    mapping: dict[str, str] = {}  # derived view: field value -> label; {}: the value is the label
    unknown: UnknownLabels = UnknownLabels()

    @model_validator(mode="after")
    def _has_what_its_source_needs(self) -> Self:
        needed = ("level", "actors_file") if self.source == "ideology" else ("field",)
        unused = ("field",) if self.source == "ideology" else ("level", "actors_file")
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"view.source={self.source} needs view.{key}")
        for key in unused:
            if getattr(self, key) is not None:
                raise ValueError(f"view.{key} is not read with view.source={self.source}")
        if self.source == "ideology" and self.mapping:
            raise ValueError("view.mapping is not read with view.source=ideology")
        return self
