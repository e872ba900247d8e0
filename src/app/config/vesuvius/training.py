"""The elastic-net logistic grid: its candidates, how they are solved, when training ends."""

from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from app.config.base import Group

NonNegative = Annotated[float, Field(ge=0.0)]


class Grid(Group):
    """Candidates: each meta-neuron with each l1, each l2, in each repeat."""

    meta_neurons: int = Field(default=9, ge=1)
    l1: list[NonNegative] = Field(default=[1e-4, 3e-4, 1e-3, 3e-3, 1e-2], min_length=1)
    l2: list[NonNegative] = Field(default=[1e-4, 1e-3, 1e-2], min_length=1)
    repeats: int = Field(default=1, ge=1)
    leave_out: bool = True  # each meta-neuron leaves out its own part of the rows
    column_share: float = Field(default=0.8, gt=0.0, le=1.0)  # of the design, drawn for each
    init_scale: float = Field(default=0.01, ge=0.0)  # standard deviation of its first weights


class Reference(Group):
    """Proximal gradient in float64, all candidates of a batch as columns of one product; it can
    be resumed at any (epoch, candidate, iteration)."""

    kind: Literal["reference"]
    step: float = Field(default=0.08, gt=0.0)
    max_iter: int = Field(default=120, ge=1)  # of each candidate in each epoch
    kpi_every: int = Field(default=10, ge=1)  # iterations between looks at the validation rows
    width: int = Field(default=45, ge=1)  # candidates in one batch, after the first alone
    dtype: Literal["float64", "float32"] = "float64"
    row_block: int = Field(default=4096, ge=64)


class Optimal(Group):
    """Prox-Newton with a sub-sampled Hessian, warm along the path of penalties, to the optimum."""

    kind: Literal["optimal"]
    kkt: float = Field(default=1e-7, gt=0.0)  # largest violation of the optimality conditions
    max_steps: int = Field(default=60, ge=1)  # gradients of all rows: of a path's fits together,
    # then of each that they were not enough for
    hessian_rows: int = Field(default=20_000, ge=100)
    row_block: int = Field(default=4096, ge=64)


class Solver(RootModel[Annotated[Reference | Optimal, Field(discriminator="kind")]]):
    """How a candidate is solved."""


class Stopping(Group):
    """Training ends with the first of these, or with its budget."""

    epochs: int = Field(default=0, ge=0)  # 0: until stagnation
    patience: int = Field(default=64, ge=1)  # epochs without gain
    min_gain: float = Field(default=1e-6, ge=0.0)  # of the best candidate's validation score
    stationary: float = Field(default=1e-9, ge=0.0)  # largest move of any weight in an epoch


class FullSearch(Group):
    """Every candidate."""

    kind: Literal["full"]


class CoarseToFine(Group):
    """Every other penalty first, then those beside the best."""

    kind: Literal["coarse_to_fine"]
    keep: int = Field(default=3, ge=1)  # best coarse candidates whose neighbours are tried


class Search(RootModel[Annotated[FullSearch | CoarseToFine, Field(discriminator="kind")]]):
    """Which candidates are tried."""


class Distillation(Group):
    """A quadratic teacher, with products of features, teaches the linear student, on voxels
    nobody labelled too."""

    enabled: bool = True
    deploy: Literal["student", "best"] = "student"  # the final model, by its validation score: of
    # the student and the candidate it began as, or (best) of the teacher too
    teacher_rows: int = Field(default=40_000, ge=100)
    teacher_l2: float = Field(default=1e-3, ge=0.0)
    temperature: float = Field(default=2.0, gt=0.0)
    soft_share: float = Field(default=0.7, ge=0.0, le=1.0)  # of the loss; the rest: true labels
    epochs: int = Field(default=3, ge=1)
    batch_rows: int = Field(default=8192, ge=1)
    step: float = Field(default=0.05, gt=0.0)


class Training(Group):
    """What follows from the candidates' scores."""

    grid: Grid = Grid()
    stopping: Stopping = Stopping()
    prune_quantile: float = Field(default=0.25, ge=0.0, lt=1.0)  # smallest |w| set to zero
    thresholds: tuple[float, float, float] = Field(default=(0.35, 0.60, 0.01), strict=False)
    # of the decision that are tried: from, to (included), step

    @model_validator(mode="after")
    def _thresholds_rise(self) -> Self:
        first, last, step = self.thresholds
        if not (0.0 <= first <= last <= 1.0 and step > 0.0):
            raise ValueError(
                f"thresholds={list(self.thresholds)}: from, to, step must rise within 0 to 1 by "
                "a step above 0"
            )
        return self
