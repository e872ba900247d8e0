"""The draws of importance sampling, from their file, as they are handed on."""

import math
from typing import Any

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.samplers.chain_file import ChainFile
from app.pipelines.janus.samplers.evidence import evidence
from app.pipelines.janus.samplers.importance_state import State


def rows_of(state: State, file: ChainFile, batch: int) -> Array:
    """(E, N, d + 3), rows of `batch_of`: every draw of whole rounds from the last proposal that
    has any, population by population."""
    populations, columns = len(state.populations), file.shape[1]
    turns = file.read()[state.used].reshape(-1, populations, batch, columns)
    return np.moveaxis(turns, 1, 0).reshape(populations, -1, columns)


def draws_of(state: State, rows: Array, names: tuple[str, ...]) -> Draws:
    """Of `rows_of`.

    Raises:
        SuperiorError: all of them weigh 0.
    """
    d = len(names)
    ln_z, ln_z_sd, each = evidence(rows[:, :, -1])
    log_weight = rows[:, :, -1] - np.logaddexp.reduce(rows[:, :, -1], axis=None)
    weight = np.exp(log_weight)
    return Draws(
        names=names,
        theta=np.ascontiguousarray(rows[:, :, None, :d]),
        log_likelihood=np.ascontiguousarray(rows[:, :, None, d]),
        log_prior=np.ascontiguousarray(rows[:, :, None, d + 1]),
        log_weight=log_weight[:, :, None],
        accepted=None,
        ended=state.ended or "deadline",
        evaluations=state.evaluations,
        ln_z=ln_z,
        ln_z_sd=ln_z_sd,
        details={
            **_how(state),
            "efficiency": float(1.0 / (weight * weight).sum() / weight.size),
            "ln_z_of_populations": [own if math.isfinite(own) else None for own in each],
        },
    )


def _how(state: State) -> dict[str, Any]:
    populations, used = len(state.populations), state.used
    return {
        "method": "adaptive importance sampling",
        "populations": populations,
        "batches": (used.stop - used.start) // populations,
        "tempering_batches": [own.batches for own in state.populations],
        "proposals": len(state.starts),
        "perplexities": list(state.proposal.perplexities),
        "components": state.proposal.mixture.size,
    }
