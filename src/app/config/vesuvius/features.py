"""What is computed of each voxel, and which voxels are learned from."""

from typing import Annotated

from pydantic import Field

from app.config.base import Group

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Features(Group):
    """Multi-scale maps of a volume: at each scale the Gaussian, its gradient magnitude and the
    three eigenvalues of its Hessian."""

    scales: list[Positive] = Field(default=[1.0, 2.0, 4.0, 8.0], min_length=1)  # sigma, voxels
    gradients: bool = True  # also the gradient magnitude of each map
    coordinates: bool = False  # also where the voxel lies, 0 to 1 along z, y, x
    block: int = Field(default=64, ge=8)  # a volume is computed in blocks of so many voxels along
    # z and y, four times as many along x; no value depends on it


class Sampling(Group):
    """Rows for training, balanced between background and classes, without replacement."""

    rows_per_volume: int = Field(default=40_000, ge=10)
    max_rows: int = Field(default=960_000, ge=100)
    validation_rows: int = Field(default=100_000, ge=100)  # in their natural proportions
    unlabelled_rows: int = Field(default=40_000, ge=0)  # for distillation only


class Design(Group):
    """The columns a linear model sees, each standardised: of each feature x itself, its square,
    its gradient magnitude."""

    square: bool = True
    gradient: bool = True
    max_features: int | None = Field(default=None, ge=1)  # those of the largest variance
    max_correlation: float | None = Field(default=None, gt=0.0, le=1.0)  # between two that stay
