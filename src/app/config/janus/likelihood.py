"""Data, and how they are compared with a model. Paths are relative to data_root."""

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from app.config.base import Group
from app.config.janus.prior import Distribution

Free = Literal["free"]


class Columns(Group):
    """Names of columns, or their numbers from 0 where the file has no header."""

    z: str | int = "zcmb"
    z_helio: str | int | None = "zhel"  # null: that of z
    mu: str | int = "mb"  # distance moduli, or magnitudes: they differ by the offset
    sd: str | int | None = "dmb"  # null: the covariance is all there is


class Simulated(Group):
    """Supernovae the project makes: redshifts like a survey's, dense covariance, known truth."""

    kind: Literal["simulated"]
    count: int = Field(default=400, ge=10)
    z_max: float = Field(default=1.3, gt=0.05, le=10.0)
    Om: float = Field(default=0.3, ge=0.0, le=1.0)  # flat LCDM
    sd: float = Field(default=0.12, gt=0.0)  # magnitudes
    systematics: float = Field(default=0.02, ge=0.0)  # magnitudes, smooth in z
    seed: int | None = None  # null: the run's


class Moduli(Group):
    """A Hubble diagram: a table of redshifts and distance moduli, or standardised magnitudes."""

    kind: Literal["moduli"]
    path: str
    columns: Columns = Columns()
    covariance: str | None = None  # N, then N^2 values; of all rows of the table
    add_sd: bool = False  # whether sd^2 is added to the covariance's diagonal
    z_above: float | None = None  # rows at lower or equal z are left out, of the covariance too
    where: dict[str, float | str] = {}  # column -> the value that kept rows have
    survey: str | int | None = None  # column; each of its values has an offset of its own
    surveys: list[str] = []  # whose supernovae these are; sets that share one are refused together


class Tripp(Group):
    """Light-curve parameters as in JLA: mu = mb - M + alpha x1 - beta color, M changed by the
    mass step for hosts above 10^10 solar masses."""

    kind: Literal["tripp"]
    path: str
    covariance: str | None = None  # prefix of the six matrices: PREFIX_v0_covmatrix.dat, va, vb,
    # v0a, v0b, vab; null: none, and dmb, dx1, dcolor as they are
    z_helio: str | None = "zhel"  # column; null: that of zcmb
    cross_covariances: bool = True  # cov_m_s, cov_m_c, cov_s_c of the table
    alpha: float | Free = 0.141
    beta: float | Free = 3.101
    mass_step: float | Free = 0.0  # magnitudes
    prior: dict[str, Distribution] = {}  # of alpha, beta, mass_step where they are free
    surveys: list[str] = []  # whose supernovae these are; sets that share one are refused together


class DatasetFile(Group):
    """A `.dataset` file of CosmoMC and cobaya, with the files it names."""

    kind: Literal["dataset"]
    path: str
    alpha: float | Free = "free"  # where it has stretch and colour
    beta: float | Free = "free"
    mass_step: float | Free = "free"
    prior: dict[str, Distribution] = {}
    surveys: list[str] = []  # whose supernovae these are; sets that share one are refused together


class HubbleRates(Group):
    """H(z), in km/s/Mpc: cosmic chronometers."""

    kind: Literal["hubble_rates"]
    path: str  # columns z, H, sd


class LuminosityFunction(Group):
    """UV luminosity functions of galaxies, Schechter's, with volumes and distances of the model
    under test."""

    kind: Literal["luminosity_function"]
    path: str
    z_bins: list[float] = [6.5, 8.0, 10.0, 12.0, 16.0]  # points outside of them are
    # left out; each keeps its own redshift
    faint: float = -16.0  # M_UV
    bright: float = -24.0
    fiducial_H0: float = Field(default=70.0, gt=0.0)  # of the flat LCDM the points were made with
    fiducial_Om: float = Field(default=0.3, gt=0.0, le=1.0)
    error_floor: float = Field(default=0.1, ge=0.0)  # dex, added in quadrature
    prior: dict[str, Distribution]  # log_phi, M_star, alpha_uv at z = 8; their slopes dlog_phi,
    # dM_star, dalpha_uv by unit of z


class GalaxyAges(Group):
    """No galaxy is older than the universe at its redshift."""

    kind: Literal["galaxy_ages"]
    path: str
    z: str = "z"  # columns
    age: str | None = None  # Gyr; null: `least_age`
    age_sd: str | None = None
    least_age: float = Field(default=0.1, ge=0.0)  # Gyr since its first stars
    sd: float = Field(default=0.05, gt=0.0)  # Gyr, where age_sd is null
    z_above: float = 0.0


class Part(
    RootModel[
        Annotated[
            Simulated
            | Moduli
            | Tripp
            | DatasetFile
            | HubbleRates
            | LuminosityFunction
            | GalaxyAges,
            Field(discriminator="kind"),
        ]
    ]
):
    """One set of data."""


class Likelihood(Group):
    """Sets of data that are independent of each other: likelihood=[jla_binned,hz]."""

    parts: dict[str, Part] = {}
    path: str | None = None  # of likelihood=dataset
    offset: Literal["marginalised", "profiled", "fixed"] = "marginalised"  # absolute magnitude and
    # H0, which supernovae alone cannot tell apart; fixed: moduli are absolute, H0 is sampled
    intrinsic_scatter: float | Free = 0.0  # magnitudes, in quadrature to the supernovae's errors
    method: Literal["auto", "compressed", "dense"] = "auto"  # how chi2 of supernovae is computed
    tolerance: float = Field(default=1e-8, gt=0.0)  # in chi2, of `compressed` against `dense`
    overlap: bool = False  # true: sets that share surveys are taken together all the same

    @model_validator(mode="after")
    def _scatter_is_no_negative(self) -> Self:
        if self.intrinsic_scatter != "free" and self.intrinsic_scatter < 0.0:
            raise ValueError("likelihood.intrinsic_scatter is a standard deviation: 0 or more")
        return self

    @model_validator(mode="after")
    def _none_counts_twice(self) -> Self:
        for one, other, shared in self.overlaps():
            if not self.overlap:
                raise ValueError(
                    f"{one} and {other} share {', '.join(shared)}: the supernovae of these surveys "
                    "would count twice; choose one of the two (likelihood.overlap=true takes both "
                    "all the same)"
                )
        return self

    def overlaps(self) -> Iterator[tuple[str, str, list[str]]]:
        """Names of two sets, and the surveys that both have."""
        for (one, first), (other, second) in combinations(self.parts.items(), 2):
            theirs = _surveys(second)
            if shared := [survey for survey in _surveys(first) if survey in theirs]:
                yield one, other, shared


def _surveys(part: Part) -> list[str]:
    own = part.root
    return own.surveys if isinstance(own, Moduli | Tripp | DatasetFile) else []
