"""How documents are divided: `train` to learn from, `job` to be judged on."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.config.base import Group


class Split(Group):
    """`stratified` keeps label proportions; `group_disjoint` puts each group (speaker, actor,
    party, sitting) wholly on one side; `given` takes the sides a corpus declares."""

    strategy: Literal["stratified", "group_disjoint", "given"]
    train_prop: float = Field(default=0.8, gt=0.0, lt=1.0)
    dev_prop: float = Field(default=0.1, gt=0.0, lt=1.0)  # cut from train by models that select
    group_field: str | None = None  # with group_disjoint
    group_draw: Literal["matched", "random"] = "matched"  # keep label shares, or any groups
    given_field: str | None = None  # with given: its values are `train` and `given_job`
    given_job: str = "test"
    small_labels: Literal["fail", "drop", "train_only"] = "train_only"  # labels with one document

    @model_validator(mode="after")
    def _has_its_field(self) -> Self:
        if self.strategy == "group_disjoint" and self.group_field is None:
            raise ValueError("split.strategy=group_disjoint needs split.group_field")
        if self.strategy == "given" and self.given_field is None:
            raise ValueError("split.strategy=given needs split.given_field")
        return self
