"""What simulated data were made with, as parameters of a model: for figures."""

from app.config.janus.cosmology import Cosmology
from app.datasets.observations.kinds import Observations

LCDM_IN = {  # where in a model a flat LCDM is, in which data are simulated
    "lcdm": {"Ok": 0.0},
    "wcdm": {"Ok": 0.0, "w": -1.0},
    "cpl": {"Ok": 0.0, "w0": -1.0, "wa": 0.0},
}


def simulated_with(observations: Observations, cosmology: Cosmology) -> dict[str, float]:
    """Name -> value, whether the model has such a parameter or not; {}: not all of the data are
    simulated, or not in the same universe, or the model has none like it."""
    truths = [getattr(one, "truth", {}) for one in observations.sets]
    kind = cosmology.root.kind
    if kind not in LCDM_IN or not truths or not truths[0]:
        return {}
    is_one = all(one == truths[0] for one in truths)
    return LCDM_IN[kind] | dict(truths[0]) if is_one else {}
