"""Draws as HDF5, for emcee's readers and for everything else.

    /mcmc            as emcee.backends.HDFBackend(path, read_only=True) reads it: every step of all
                     ensembles, side by side as walkers; of weighted draws, as many resampled ones
                     with equal weights as their weights are worth
    /ensemble_0 ...  likewise, each ensemble of a chain alone (views of /mcmc, not copies)
    /draws           theta (E, S, W, d), log_likelihood, log_prior, log_weight, accepted; `about`:
                     names and the rest of `Draws`, as JSON

The same draws give the same bytes: no times are kept.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.durable.atomic import atomic_file
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws

READ_AS = "3.1.6"  # emcee's version whose layout this is


def write(path: Path, draws: Draws, rng: np.random.Generator) -> None:
    """Replaces the file `path`, atomically. `rng` resamples weighted draws."""
    import h5py

    with atomic_file(path) as partial, h5py.File(partial, "w") as file:
        if draws.is_chain:
            _write_chain(file, draws)
        else:
            resampled = equally_weighted(draws, rng)
            chain, log_prob = resampled[:, None, :-2], resampled[:, None, -2:].sum(axis=-1)
            _write_mcmc(file, "mcmc", chain, log_prob, np.ones(1) * len(chain))
        _write_draws(file, draws)


def equally_weighted(draws: Draws, rng: np.random.Generator) -> Array:
    """(n, d + 2): theta, log-likelihood and log-prior of weighted draws, resampled with equal
    weights; n = (sum w)^2 / sum w^2."""
    parts = np.stack((draws.log_likelihood, draws.log_prior), axis=-1)
    _, weight = draws.kept()
    count = max(round(1.0 / float((weight**2).sum())), 2)
    joined = replace(draws, theta=np.concatenate((draws.theta, parts), axis=-1))
    return joined.equally_weighted(count, rng)


def _write_chain(file: Any, draws: Draws) -> None:
    ensembles, steps, walkers, d = draws.theta.shape
    together = np.moveaxis(draws.theta, 0, 1).reshape(steps, ensembles * walkers, d)
    log_prob = np.moveaxis(draws.log_likelihood + draws.log_prior, 0, 1).reshape(steps, -1)
    accepted = np.zeros((ensembles, walkers)) if draws.accepted is None else draws.accepted
    _write_mcmc(file, "mcmc", together, log_prob, accepted.reshape(-1))
    for number in range(ensembles):
        group = _mcmc_group(file, f"ensemble_{number}", (steps, walkers, d), accepted[number])
        for name in ("chain", "log_prob"):
            _view(group, name, file["mcmc"][name], number * walkers, walkers)


def _view(group: Any, name: str, source: Any, first: int, count: int) -> None:
    """The virtual dataset source[:, first : first + count]. Not by h5py's `VirtualLayout`, which
    keeps the time of it."""
    from h5py import h5d, h5p, h5s, h5t

    start = (0, first, *(0 for _ in source.shape[2:]))
    shape = (source.shape[0], count, *source.shape[2:])
    chosen = h5s.create_simple(source.shape)
    chosen.select_hyperslab(start, shape)
    whole = h5s.create_simple(shape)
    how = h5p.create(h5p.DATASET_CREATE)
    how.set_obj_track_times(False)
    how.set_virtual(whole, b".", source.name.encode(), chosen)
    h5d.create(group.id, name.encode(), h5t.IEEE_F64LE, whole, how)


def _write_mcmc(file: Any, name: str, chain: Array, log_prob: Array, accepted: Array) -> None:
    group = _mcmc_group(file, name, chain.shape, accepted)
    group.create_dataset("chain", data=chain)
    group.create_dataset("log_prob", data=log_prob)


def _mcmc_group(file: Any, name: str, shape: tuple[int, ...], accepted: Array) -> Any:
    """What `HDFBackend.reset` and `save_step` write, without the chain."""
    group = file.create_group(name)
    group.attrs["version"] = READ_AS
    group.attrs["nwalkers"] = shape[1]
    group.attrs["ndim"] = shape[2]
    group.attrs["has_blobs"] = False
    group.attrs["iteration"] = shape[0]
    group.create_dataset("accepted", data=np.asarray(accepted, np.float64))
    return group


def _write_draws(file: Any, draws: Draws) -> None:
    kept = draws.as_arrays()
    group = file.create_group("draws")
    for name, array in kept.arrays.items():
        group.create_dataset(name, data=array)
    group["about"] = json.dumps(dict(kept.about), sort_keys=True)  # an attribute holds 64 KiB
