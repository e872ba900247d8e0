"""Draws as an ArviZ InferenceData in netCDF.

Chains are the ensembles, since walkers of one ensemble know of each other; their draws go step by
step, the walkers of a step side by side, after `discard` and thinned by `thin`. The autocorrelation
of such an order is not that of a chain: the run's own summary has tau and effective sizes. Weighted
draws are resampled with equal weights, into one chain.

The same draws give the same bytes: no times are kept.
"""

from pathlib import Path

import numpy as np

from app.durable.atomic import atomic_file
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.hdf import equally_weighted


def write(path: Path, draws: Draws, rng: np.random.Generator) -> None:
    """Replaces the file `path`, atomically: groups posterior (a variable for each parameter),
    sample_stats (`lp`), log_likelihood (`total`, the sum over the data)."""
    import arviz

    rows = _of_chain(draws) if draws.is_chain else equally_weighted(draws, rng)[None]
    kept = arviz.from_dict(
        posterior={name: rows[..., at] for at, name in enumerate(draws.names)},
        sample_stats={"lp": rows[..., -2] + rows[..., -1]},
        log_likelihood={"total": rows[..., -2]},
        attrs={"sampler_ended": draws.ended, "discard": draws.discard, "thin": draws.thin},
    )
    for group in kept.groups():
        kept[group].attrs.pop("created_at", None)
    with atomic_file(path) as partial:
        kept.to_netcdf(str(partial), engine="h5netcdf")


def _of_chain(draws: Draws) -> Array:
    """(E, steps x W, d + 2): theta, log-likelihood, log-prior."""
    used = slice(draws.discard, None, draws.thin)
    parts = np.stack((draws.log_likelihood, draws.log_prior), axis=-1)
    rows = np.concatenate((draws.theta, parts), axis=-1)[:, used]
    return rows.reshape(len(rows), -1, rows.shape[-1])
