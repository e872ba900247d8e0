"""Posterior predictive checks: would data made by the model look like the data there are?

The discrepancy is chi2 (Gelman, Meng & Stern 1996, Statistica Sinica 6:733). With errors that are
Gaussian and known, chi2 of replicated data at any parameter vector is distributed as chi2 with as
many degrees of freedom as there are data, less the offsets that are fitted to each replicate.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.pipelines.janus.draws import Draws
from app.pipelines.janus.on_data import fitted_offsets, on_data
from app.pipelines.janus.posterior import Posterior

DRAWS = 1000
GAUSSIAN = ("supernovae", "rates")

Json = dict[str, Any]


def predictive_checks(
    draws: Mapping[str, Draws], posteriors: Mapping[str, Posterior], seed: int
) -> Json:
    """part -> model -> chi2 (mean over the posterior), dof, p: the share of replicates whose chi2
    is above that of the data. Parts with other errors have no check: {}."""
    told: dict[str, Json] = {}
    for name, posterior in posteriors.items():
        side = on_data(posterior)
        if side is None:
            continue
        rng = np.random.default_rng(seed)
        theta = side.vectors.full(draws[name].equally_weighted(DRAWS, rng))
        for part in side.combined.parts:
            of_part = told.setdefault(part.name, {})
            if part.description["kind"] not in GAUSSIAN:
                continue
            dof = int(part.description["n_data"]) - fitted_offsets(part.description)
            observed = part.chi2(theta)
            replicated = rng.chisquare(dof, size=DRAWS)
            of_part[name] = {
                "chi2": float(observed.mean()),
                "dof": dof,
                "p": float((replicated >= observed).mean()),
            }
    return told
