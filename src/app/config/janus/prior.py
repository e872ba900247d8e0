"""Distributions of parameters before the data are seen."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, RootModel, field_validator, model_validator

from app.config.base import Group

Positive = Annotated[float, Field(gt=0.0)]


class _Bounded(Group):
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low={self.low:g} is not below high={self.high:g}")
        return self


class Uniform(_Bounded):
    """Flat between its bounds; a bound of null is the edge of what the model allows for these
    data."""

    kind: Literal["uniform"]


class Centred(Group):
    """Flat on an interval of `width` around `center`."""

    kind: Literal["centred"]
    center: float  # or `centre`
    width: Positive

    @model_validator(mode="before")
    @classmethod
    def _centre_is_center(cls, value: Any) -> Any:
        return _center_of(value)


class Normal(_Bounded):
    """Gaussian, cut at its bounds where they are given."""

    kind: Literal["normal"]
    mean: float
    sd: Positive


class Scipy(Group):
    """Any continuous distribution of scipy.stats, e.g. name: gamma, arguments: {a: 2, scale: 3}."""

    kind: Literal["scipy"]
    name: str
    arguments: dict[str, float] = {}


class Fixed(Group):
    """Not sampled."""

    kind: Literal["fixed"]
    value: float


class Distribution(
    RootModel[Annotated[Uniform | Centred | Normal | Scipy | Fixed, Field(discriminator="kind")]]
):
    """The prior of one parameter."""

    @field_validator("root", mode="before")
    @classmethod
    def _number_is_fixed(cls, value: Any) -> Any:
        """`Om: 0.3` is short for `Om: {kind: fixed, value: 0.3}`."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"kind": "fixed", "value": float(value)}
        return value


class Prior(Group):
    """What is to replace the priors that the model and the likelihoods bring with them."""

    parameters: dict[str, Distribution] = {}
    center: list[float] | None = None  # of each sampled parameter, in their order, the middle
    # of its flat interval
    width: list[Positive] | None = None  # the full widths of these, from one end to the other

    @model_validator(mode="before")
    @classmethod
    def _centre_is_center(cls, value: Any) -> Any:
        return _center_of(value)

    @model_validator(mode="after")
    def _center_has_width(self) -> Self:
        if (self.center is None) != (self.width is None):
            raise ValueError("prior.center and prior.width are given together, or neither")
        if self.center is not None and len(self.center) != len(self.width or []):
            raise ValueError(
                f"prior.center has {len(self.center)} values, prior.width {len(self.width or [])}"
            )
        return self


def _center_of(value: Any) -> Any:
    """With `centre` spelled `center`; both of them stay, and one is refused as unknown."""
    if not isinstance(value, dict) or "centre" not in value or "center" in value:
        return value
    return {"center" if key == "centre" else key: inner for key, inner in value.items()}
