"""From probabilities to masks of whole volumes, and how they are judged."""

from pydantic import Field

from app.config.base import Group


class Segmentation(Group):
    """3D post-processing, for each class."""

    hysteresis: float = Field(default=0.10, ge=0.0, le=0.5)  # a component has a voxel above the
    # decision threshold plus this, and grows down to the threshold minus this
    close_z: int = Field(default=3, ge=0)  # binary closing: radius, voxels; 3 spans 7 slices
    close_xy: int = Field(default=2, ge=0)  # radius of its disk, voxels
    min_voxels: int = Field(default=24, ge=0)  # smaller components are dust


class Judging(Group):
    """How masks are scored against the truth."""

    beta: float = Field(default=0.5, gt=0.0)  # of F-beta: below 1 precision weighs more
    surface_tolerance: float = Field(default=2.0, ge=0.0)  # of SurfaceDice, voxels
    forest: bool = False  # also a random forest of 100 trees on the same features, if time is left
    forest_rows: int = Field(default=100_000, ge=100)  # training rows it is fitted to, at most
