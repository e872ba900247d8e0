"""Which volumes there are, what their labels mean, and which of them are held out."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.config.base import NAME, Group


class DemoSource(Group):
    """Scroll-like volumes the project makes: spiral sheets, noise, unlabelled regions."""

    kind: Literal["demo"]
    count: int = Field(ge=3)  # volumes
    shape: tuple[int, int, int] = Field(default=(48, 96, 96), strict=False)  # z, y, x
    noise: float = Field(default=0.9, gt=0.0)  # standard deviation, of a sheet's brightness
    unlabelled: float = Field(default=0.15, ge=0.0, lt=1.0)  # share of voxels nobody labelled


class FileSource(Group):
    """Volumes on disk: TIFF stacks, NIfTI, .npy; or folders of slices."""

    kind: Literal["files"]
    images: str  # a folder: its files (or, with slices, the folders in it, or itself)
    labels: str | None = None  # the same names again; a volume without one is not scored
    slices: bool = False  # a volume is a folder of 2D images, in natural order of their names


class Holdout(Group):
    """What the candidates are chosen by (validation) and what nobody has seen (test)."""

    by: Literal["volume", "slab"] = "volume"  # slab: of each volume, contiguous slices along z
    validation: float = Field(default=0.2, gt=0.0, lt=1.0)
    test: float = Field(default=0.2, gt=0.0, lt=1.0)  # labelled volumes; unlabelled ones are test

    @model_validator(mode="after")
    def _leaves_training(self) -> Self:
        if self.validation + self.test >= 1.0:
            raise ValueError("validation + test: nothing is left to train on")
        return self


class Volumes(Group):
    """One set of volumes."""

    name: str = Field(pattern=NAME)
    source: Annotated[DemoSource | FileSource, Field(discriminator="kind")]
    classes: dict[str, int] = Field(min_length=1)  # name -> value in the label volumes
    ignore: list[int] = []  # label values nobody vouches for: not trained on, not scored
    holdout: Holdout = Holdout()

    @model_validator(mode="after")
    def _values_are_one_thing(self) -> Self:
        values = [*self.classes.values(), *self.ignore]
        if len(values) != len(set(values)):
            raise ValueError(f"classes and ignore name a label value twice: {sorted(values)}")
        return self
