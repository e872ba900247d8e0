"""Parameters that the data say nothing of."""

import numpy as np

from app.errors import SuperiorError
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Posterior

DRAWS = 64  # of the prior, in which each parameter is changed alone
ATTEMPTS = 32  # times as many are drawn, where the model does not exist at most of them
ROUNDING = 1e-9  # of a log-likelihood, in units of its size where that is above 1


def flat_parameters(posterior: Posterior, rng: np.random.Generator) -> list[str]:
    """Sampled parameters of which the likelihood is the same whatever their value, all others being
    what they are: at draws from the prior where the model exists, each changed to its value in
    another of them.

    Where the model does not exist after the change nothing is compared: that a galaxy is too far
    away for a model's domain is no measurement of its parameters. Where it never does, nothing is
    known, and the parameter is not flat.

    Raises:
        SuperiorError: the likelihood is 0 at every draw.
    """
    theta, likelihood = _possible(posterior, rng)
    flat = []
    for column, name in enumerate(posterior.names):
        changed = theta.copy()
        # not a draw of the whole prior: in a narrow domain hardly any of those would be inside
        changed[:, column] = np.roll(theta[:, column], 1)
        after = posterior.log_likelihood(changed)
        both = np.isfinite(after) & (changed[:, column] != theta[:, column])
        size = np.maximum(1.0, np.abs(likelihood[both]))
        if both.any() and (np.abs(after[both] - likelihood[both]) <= ROUNDING * size).all():
            flat.append(name)
    return flat


def _possible(posterior: Posterior, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws of the prior where the likelihood is above 0, and its logarithm."""
    found: list[Array] = []
    values: list[Array] = []
    for _ in range(ATTEMPTS):
        theta = posterior.prior.draw(rng, DRAWS)
        likelihood = posterior.log_likelihood(theta)
        inside = np.isfinite(likelihood)
        found.append(theta[inside])
        values.append(likelihood[inside])
        if sum(map(len, found)) >= DRAWS:
            break
    if not any(map(len, found)):
        raise SuperiorError(
            f"the likelihood is 0 at {DRAWS * ATTEMPTS} draws from the prior of "
            f"{', '.join(posterior.names)}: the model exists nowhere there, for these data"
        )
    return np.concatenate(found)[:DRAWS], np.concatenate(values)[:DRAWS]
