"""What a posterior was asked to be, and how it was sampled, as one hash: runs of the same are
alike."""

import hashlib
import json

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import Sampler


def config_digest(
    cosmology: Cosmology, likelihood: Likelihood, prior: Prior, sampler: Sampler
) -> str:
    """sha256 of the four choices of the config, in hex."""
    asked = {
        name: choice.model_dump(mode="json")
        for name, choice in (
            ("cosmology", cosmology),
            ("likelihood", likelihood),
            ("prior", prior),
            ("sampler", sampler),
        )
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
