"""Posterior predictive checks: would data made by the model look like the data there are?

The discrepancy is chi2 (Gelman, Meng & Stern 1996, Statistica Sinica 6:733). With errors that are
Gaussian and known, chi2 of replicated data at any parameter vector is distributed as chi2 with as
many degrees of freedom as there are data, less the offsets that are fitted to each replicate. So it
is where the Gaussian has another width on either side. p is an average over the posterior of the
probability that chi2 of replicates is above that of the data, none being drawn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.pipelines.janus.draws import Draws
from app.pipelines.janus.on_data import fitted_offsets, on_data
from app.pipelines.janus.posterior import Posterior

DRAWS = 1000

Json = dict[str, Any]


def predictive_checks(
    draws: Mapping[str, Draws], posteriors: Mapping[str, Posterior], seed: int
) -> Json:
    """part -> model -> chi2 (mean over the posterior), dof, p: the share of replicates whose chi2
    is above that of the data. Limits and ages, whose errors are one-sided, are left out; parts of
    which no datum is left have no check: {}."""
    from scipy.special import chdtrc

    told: dict[str, Json] = {}
    for name, posterior in posteriors.items():
        side = on_data(posterior)
        if side is None:
            continue
        rng = np.random.default_rng(seed)
        theta = side.vectors.full(draws[name].equally_weighted(DRAWS, rng))
        for part in side.combined.parts:
            of_part = told.setdefault(part.name, {})
            dof = int(part.description["n_gaussian"]) - fitted_offsets(part.description)
            if dof < 1:
                continue
            observed = part.chi2_gaussian(theta)
            of_part[name] = {
                "chi2": float(observed.mean()),
                "dof": dof,
                "p": float(chdtrc(dof, observed).mean()),
            }
    return told
