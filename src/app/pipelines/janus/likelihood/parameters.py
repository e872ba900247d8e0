"""The parameters of a likelihood, and the priors that its sets of data bring along."""

from app.config.janus.likelihood import DatasetFile, Likelihood, LuminosityFunction, Tripp
from app.config.janus.prior import Distribution
from app.datasets.observations.kinds import LightCurves, Luminosities, Observations, Supernovae
from app.errors import ConfigError, nearest
from app.pipelines.janus.cosmology.model import Model
from app.pipelines.janus.likelihood import luminosities

STANDARD = ("alpha", "beta", "mass_step")
NUISANCE = ("sigma_int", *STANDARD, *luminosities.PARAMETERS)


def parameter_names(
    observations: Observations, model: Model, config: Likelihood, has_scatter: bool = False
) -> tuple[str, ...]:
    """The model's, H0 where data depend on it, and the nuisance parameters.

    `has_scatter`: the model brings an intrinsic scatter of its own along.

    Raises:
        ConfigError: a free scatter without supernovae, a fixed offset of peak magnitudes.
    """
    is_supernovae = [isinstance(one, Supernovae | LightCurves) for one in observations.sets]
    free = set()
    if config.intrinsic_scatter == "free" and not any(is_supernovae):
        raise ConfigError(
            "likelihood.intrinsic_scatter=free: there are no supernovae among the data that have it"
        )
    if has_scatter or config.intrinsic_scatter == "free":
        free.add("sigma_int")
    for data in observations.sets:
        if isinstance(data, LightCurves):
            _require_offset(data, config)
            free |= {name for name, value in standard_of(data, config).items() if value is None}
        elif isinstance(data, Luminosities):
            free |= set(luminosities.PARAMETERS)
    with_h0 = config.offset == "fixed" or not all(is_supernovae)
    return (
        *model.parameters,
        *(("H0",) if with_h0 else ()),
        *(name for name in NUISANCE if name in free),
    )


def default_priors(
    observations: Observations, config: Likelihood, names: tuple[str, ...]
) -> dict[str, Distribution]:
    """Of the nuisance parameters among `names`, as the sets of the config have them.

    Raises:
        ConfigError: a prior of what is no parameter, or two that differ.
    """
    found: dict[str, Distribution] = {}
    for data in observations.sets:
        part = config.parts[data.name].root
        if not isinstance(part, Tripp | DatasetFile | LuminosityFunction):
            continue
        known = luminosities.PARAMETERS if isinstance(part, LuminosityFunction) else STANDARD
        for name, prior in part.prior.items():
            key = f"likelihood.parts.{data.name}.prior.{name}"
            if name not in known:
                raise ConfigError(f"{key}: there is no such parameter{nearest(name, known)}")
            if found.setdefault(name, prior) != prior:
                raise ConfigError(f"{key}: another set has another prior of the same parameter")
    return {name: prior for name, prior in found.items() if name in names}


def _require_offset(data: LightCurves, config: Likelihood) -> None:
    if config.offset == "fixed":
        raise ConfigError(
            f"likelihood.offset=fixed: {data.name} has peak magnitudes, whose absolute magnitude "
            "is not known\n  take likelihood.offset=marginalised, or a set of distance moduli"
        )


def standard_of(data: LightCurves, config: Likelihood) -> dict[str, float | None]:
    """alpha, beta, mass_step: None where they are free."""
    part = config.parts[data.name].root
    assert isinstance(part, Tripp | DatasetFile)  # readers of light curves
    given = {name: getattr(part, name) for name in STANDARD}
    return {name: None if value == "free" else float(value) for name, value in given.items()}
