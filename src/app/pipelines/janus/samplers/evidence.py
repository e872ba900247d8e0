"""ln Z from the weights of independent populations, and its error."""

import math

import numpy as np

from app.errors import SuperiorError
from app.pipelines.janus.cosmology.model import Array

CHANCE = 0.01  # that populations spread by more than their weights explain


def evidence(log_weight: Array) -> tuple[float, float, list[float]]:
    """ln Z and its standard deviation, and ln Z of each population, from log(posterior/proposal)
    (E, N).

    The standard deviation is that of the weights in each population; but where the populations
    spread by more than chance explains, it is that of the populations.

    Raises:
        SuperiorError: all weights are 0.
    """
    from scipy.special import chdtri

    top = float(log_weight.max())
    if top == -math.inf:
        raise SuperiorError(
            f"not one of {log_weight.size} draws of the adapted proposal has a likelihood above 0: "
            "it has lost the posterior; give sampler.batch more draws or the run another seed"
        )
    weight = np.exp(log_weight - top)
    populations, count = weight.shape
    means = weight.mean(axis=1)
    mean = float(means.mean())
    variance = float(weight.var(axis=1, ddof=1).sum()) / count / populations**2
    between = float(means.var(ddof=1)) / populations
    if between > variance * float(chdtri(populations - 1, CHANCE)) / (populations - 1):
        variance = between
    with np.errstate(divide="ignore"):
        each = (top + np.log(means)).tolist()
    return top + math.log(mean), math.sqrt(variance) / mean, each
