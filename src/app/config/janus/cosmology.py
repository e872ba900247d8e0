"""Models of the expansion, and a user's own log-probability."""

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from app.config.base import NAME, Group
from app.config.janus.prior import Distribution

Name = Annotated[str, Field(pattern=NAME)]


class _Model(Group):
    name: Name
    prior: dict[str, Distribution]  # of its parameters; H0 is sampled where the data depend on it


class Janus(_Model):
    """The bimetric model of D'Agostini & Petit (2018), dust era, k = -1: parameter q0 < 0."""

    kind: Literal["janus"]


class Lcdm(_Model):
    """Matter and a cosmological constant: Om, and Ok where it is curved."""

    kind: Literal["lcdm"]
    curved: bool = False


class Wcdm(_Model):
    """Dark energy of a constant equation of state: Om, w, and Ok where it is curved."""

    kind: Literal["wcdm"]
    curved: bool = False


class Cpl(_Model):
    """w(a) = w0 + wa (1 - a): Om, w0, wa, and Ok where it is curved."""

    kind: Literal["cpl"]
    curved: bool = False


class FiveParameters(_Model):
    """H^2 = H0^2 [Om (1+z)^3 + Ok (1+z)^2 + chi Om_bar (1+z)^3 (1 - sqrt(Om_bar/Om))] with an
    intrinsic scatter sigma_int: H0, Om, Om_bar, chi, sigma_int."""

    kind: Literal["five_parameters"]
    normalised: bool = True  # so that H(0) = H0, which the formula alone does not give


class Distances(_Model):
    """A model of the user's own: a vectorised function (z (k,), theta (w, d)) -> (w, k), the
    luminosity distance in units of c/H0."""

    kind: Literal["distances"]
    module: str  # package.module, or the path of a .py file
    function: str = "distance"
    arguments: dict[str, Any] = {}  # keywords it is called with, too


class Custom(_Model):
    """A log-probability of the user's own, of any parameters; it needs no likelihood. Nothing is
    sampled past the bounds of a prior, whether the function includes it or not."""

    kind: Literal["custom"]
    log_prob_module: str  # package.module, or the path of a .py file
    log_prob_function: str = "log_prob"
    arguments: dict[str, Any] = {}  # keywords it is called with, too
    vectorised: bool = False  # true: it takes (w, d) and gives (w,)
    includes_prior: bool = True  # the priors only bound it; false: a likelihood, they are added
    on_error: Literal["raise", "reject"] = "raise"  # where it fails or gives no log-probability;
    # reject: such a vector has probability 0, and they are counted
    ndim: int | None = Field(default=None, ge=1)  # held against the number of parameters


class Cosmology(
    RootModel[
        Annotated[
            Janus | Lcdm | Wcdm | Cpl | FiveParameters | Distances | Custom,
            Field(discriminator="kind"),
        ]
    ]
):
    """What is sampled."""


class Rivals(RootModel[dict[str, Cosmology]]):
    """Models that the studied one is compared with, on the same data."""


def models_of(cosmology: Cosmology, rivals: Rivals) -> dict[str, Cosmology]:
    """Name -> model: the studied one first. A rival of its name is itself."""
    own = cosmology.root.name
    others = {one.root.name: one for one in rivals.root.values() if one.root.name != own}
    return {own: cosmology, **others}
