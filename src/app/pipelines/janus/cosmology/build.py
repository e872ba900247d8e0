"""The model of the expansion that the config names."""

from app.config.janus.cosmology import (
    Cosmology,
    Cpl,
    Custom,
    Distances,
    FiveParameters,
    Janus,
    Lcdm,
    Wcdm,
)
from app.errors import ConfigError
from app.pipelines.janus import custom
from app.pipelines.janus.cosmology import five_parameters, janus
from app.pipelines.janus.cosmology.flrw import Flrw
from app.pipelines.janus.cosmology.model import Model
from app.pipelines.janus.cosmology.user_distances import UserDistances


def model_of(cosmology: Cosmology) -> Model:
    """Of every kind but `custom`, which is a log-probability and no model of the expansion.

    Raises:
        ConfigError: a user's function that cannot be found, or has no parameters.
    """
    match cosmology.root:
        case Janus(name=name):
            return janus.Janus(name)
        case Lcdm(name=name, curved=curved):
            return Flrw(name, "lcdm", curved)
        case Wcdm(name=name, curved=curved):
            return Flrw(name, "wcdm", curved)
        case Cpl(name=name, curved=curved):
            return Flrw(name, "cpl", curved)
        case FiveParameters(name=name, normalised=normalised):
            return five_parameters.FiveParameters(name, normalised)
        case Distances() as own:
            return _user_distances(own)
        case Custom(name=name):
            raise ConfigError(
                f"cosmology={name} (kind custom) is a log-probability: it has no distances, and no "
                "part of a likelihood can use it; choose likelihood=none"
            )


def _user_distances(own: Distances) -> UserDistances:
    parameters = tuple(name for name in own.prior if name != "H0")
    if not parameters:
        raise ConfigError(
            "cosmology.prior: a model of your own distances needs a prior for each of its "
            "parameters, in the order of theta's columns; H0 is none of them"
        )
    function = custom.load_function(own.module, own.function, "cosmology.module")
    function = custom.with_arguments(function, own.arguments, 2, "cosmology.arguments")
    return UserDistances(own.name, parameters, function, f"{own.module}:{own.function}")
