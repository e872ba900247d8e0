"""The part of a prior where the model exists: what a posterior is to be held against."""

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.on_data import on_data
from app.pipelines.janus.posterior import Posterior

BATCHES, BATCH = 16, 4096  # draws of the prior


def prior_in_domain(posterior: Posterior) -> Array | None:
    """(m, d): those of 65,536 draws from the prior at which the model exists. None: it exists at
    all of it; or nobody knows where, of a user's own log-probability."""
    likelihood = on_data(posterior)
    if likelihood is None or not posterior.description.get("share_outside_domain", 0.0) > 0.0:
        return None
    rng = np.random.default_rng(0)
    kept = []
    for _ in range(BATCHES):
        theta = posterior.prior.draw(rng, BATCH)
        kept.append(theta[likelihood.in_domain(theta)])
    return np.concatenate(kept)
