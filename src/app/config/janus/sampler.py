"""How the posterior is sampled, when that ends, and how it is kept."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, RootModel, model_validator

from app.config.base import Group
from app.config.durations import seconds_of


class Move(Group):
    """One of emcee's moves."""

    name: Literal["stretch", "walk", "de", "de_snooker", "kde"]
    weight: float = Field(default=1.0, gt=0.0)


class Emcee(Group):
    """Affine-invariant ensembles (Goodman & Weare 2010), several that are independent."""

    kind: Literal["emcee"]
    walkers: int = Field(default=32, ge=4)  # of each ensemble
    steps: int = Field(default=20_000, ge=2)  # at most
    ensembles: int = Field(default=4, ge=1)
    moves: list[Move] = Field(
        default=[Move(name="de", weight=0.8), Move(name="de_snooker", weight=0.2)], min_length=1
    )
    discard: int | None = Field(default=None, ge=0)  # steps; null: 2 tau, or a fifth
    thin: int | None = Field(default=None, ge=1)  # null: tau / 2
    # of the .nc export alone; the summary and the .h5 have every step

    @model_validator(mode="after")
    def _walkers_are_even(self) -> Self:
        if self.walkers % 2:
            raise ValueError("sampler.walkers: an even number; each half moves by the other")
        return self


class Importance(Group):
    """Adaptive importance sampling with a mixture of t distributions (population Monte Carlo,
    Cappe et al. 2008)."""

    kind: Literal["importance"]
    batch: int = Field(default=8192, ge=64)  # draws at a time
    populations: int = Field(default=4, ge=2)  # that adapt by themselves
    adaptations: int = Field(default=6, ge=1)  # batches the proposal may change after
    components: int | None = Field(default=None, ge=1)  # null: by the number of parameters
    df: float = Field(default=5.0, gt=0.0)  # degrees of freedom
    max_batches: int = Field(default=400, ge=1)  # of each population, after adapting


class Nautilus(Group):
    """Importance nested sampling with neural networks (Lange 2023)."""

    kind: Literal["nautilus"]
    live_points: int = Field(default=1000, ge=50)
    networks: int = Field(default=4, ge=0)
    f_live: float = Field(default=0.01, gt=0.0, lt=1.0)
    n_eff: int = Field(default=4000, ge=100)  # at least; more where convergence asks for it
    batch: int = Field(default=100, ge=1)


class Dynesty(Group):
    """Nested sampling (Speagle 2020)."""

    kind: Literal["dynesty"]
    live_points: int = Field(default=500, ge=20)
    dlogz: float = Field(default=0.1, gt=0.0)
    bound: Literal["none", "single", "multi", "balls", "cubes"] = "multi"
    sample: Literal["auto", "unif", "rwalk", "slice", "rslice"] = "auto"


class Quadrature(Group):
    """The posterior on a tensor grid of Gauss-Legendre nodes, for up to three parameters, with the
    error that it has."""

    kind: Literal["quadrature"]
    nodes: int = Field(default=96, ge=8)  # for each parameter, to begin with
    tail: float = Field(default=30.0, gt=1.0)  # the grid ends where log(posterior) is so far below


class Sampler(
    RootModel[
        Annotated[Emcee | Importance | Nautilus | Dynesty | Quadrature, Field(discriminator="kind")]
    ]
):
    """How the posterior is sampled."""


JUDGED = {  # by `sampler.kind`: the targets of `convergence` that its draws can be held against
    "emcee": ("ess", "rhat", "mcse", "tau_multiple", "tau_change", "acceptance"),
    "importance": ("ess", "rhat", "mcse", "pareto_k", "ln_z_sd"),
    "nautilus": ("ess", "mcse", "ln_z_sd"),
    "dynesty": ("ess", "mcse", "ln_z_sd"),
    "quadrature": ("mcse", "ln_z_sd"),
}
LN_Z_SD = 0.003


class Convergence(Group):
    """A run has converged when all of these are met that its sampler has (`JUDGED`). It goes on
    until then, but for dynesty, which ends at its `dlogz` and is judged there."""

    adaptive: bool = True  # false: all steps or batches are done, n_eff or nodes stay as given,
    # whatever is met before
    ess: float = Field(default=400.0, gt=0.0)  # effective sample size of every parameter
    rhat: float = Field(default=1.01, gt=1.0)  # split, rank-normalised, over independent ensembles
    # or populations: of emcee and importance
    mcse: float = Field(default=0.05, gt=0.0)  # error of a mean, in posterior standard deviations
    tau_multiple: float = Field(default=50.0, gt=0.0)  # steps, in autocorrelation times; of emcee
    tau_change: float = Field(default=0.05, gt=0.0)  # of tau since the look before; of emcee
    acceptance: list[float] = Field(default=[0.1, 0.9], min_length=2, max_length=2)  # of emcee
    pareto_k: float = Field(default=0.7, gt=0.0)  # of the weights of importance
    ln_z_sd: float | None = Field(default=None, gt=0.0)  # null: 0.003 for importance and
    # quadrature; what n_eff gives for nautilus, and dlogz for dynesty

    @property
    def ln_z_target(self) -> float:
        """Of samplers that have a target of their own where none is given."""
        return LN_Z_SD if self.ln_z_sd is None else self.ln_z_sd

    @model_validator(mode="after")
    def _acceptance_is_a_range(self) -> Self:
        low, high = self.acceptance
        if not 0.0 <= low < high <= 1.0:
            raise ValueError(
                f"convergence.acceptance={self.acceptance}: the least and the largest share of "
                "accepted proposals, from 0 to 1, e.g. [0.1, 0.9]"
            )
        return self


class SamplingCheckpoint(Group):
    """How often a sampler is saved: whichever comes first."""

    every: int = Field(default=1000, ge=1)  # steps of a chain, batches, evaluations
    seconds: float = Field(default=5.0, gt=0.0)
    generations: int = Field(default=2, ge=2)
    resume: bool = True  # false: the earlier run of this name is moved aside


class Workers(Group):
    """Who evaluates a log-probability that is not vectorised."""

    backend: Literal["processes", "joblib", "ray"] = "processes"
    options: dict[str, Any] = {}  # joblib: of joblib.Parallel; ray: of ray.init


class Resources(Group):
    """What the run may need, held against its estimate before it starts."""

    max_ram_gb: float | None = Field(default=None, gt=0.0)  # null: what is free
    max_time: str | None = None  # e.g. 9h; null: budget.total, if any
    beyond: bool = False  # true: the run starts though it will need more

    @model_validator(mode="after")
    def _is_duration(self) -> Self:
        if self.max_time is not None:
            seconds_of(self.max_time)
        return self
