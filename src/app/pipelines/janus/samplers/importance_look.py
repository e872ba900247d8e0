"""A look at the draws: whether they are enough, whether their proposal is good enough, and when to
look again."""

import math
from dataclasses import replace

import numpy as np

from app.config.janus.sampler import Convergence, Importance
from app.pipelines.janus.convergence import check_weighted
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.diagnostics import kish_size, pareto_k
from app.pipelines.janus.samplers.evidence import evidence
from app.pipelines.janus.samplers.importance_state import State
from app.pipelines.janus.samplers.proposal import thawed

GROWTH = 2.0  # at most, of the draws between two looks
LEARNED = 4  # batches of each population that a proposal is judged by, at least
LATE = 32  # the same: after so many they are worth more than a better proposal
POOR = 0.2  # effective share of draws that the proposal is taken up again for
AGAIN = 3  # times at most


def looked(state: State, rows: Array, targets: Convergence, sampler: Importance) -> State:
    """The state after a look at `rows_of` all that the proposal has drawn.

    Raises:
        SuperiorError: all of them weigh 0.
    """
    rounds, most = state.rounds, sampler.max_batches
    if not targets.adaptive:
        ended = "batches" if rounds >= most else ""
        return replace(state, look=most, needed=most, ended=ended)
    log_weight = rows[:, :, -1]
    _, ln_z_sd, _ = evidence(log_weight)
    size = kish_size(np.exp(log_weight - log_weight.max()))
    lacking = max((ln_z_sd / targets.ln_z_target) ** 2, targets.ess / size)
    if lacking <= 1.0:
        theta = rows[:, :, None, :-3]
        if check_weighted(theta, log_weight[:, :, None], ln_z_sd, targets).converged:
            return replace(state, needed=rounds, ended="converged")
    if LEARNED <= rounds <= LATE and state.proposal.thaws < AGAIN:
        share = size / log_weight.size
        if share < POOR or pareto_k(log_weight) > targets.pareto_k:
            return _taken_up_again(state, rows, sampler)
    if rounds >= most:
        return replace(state, needed=rounds, ended="batches")
    lacking = float(np.clip(lacking if lacking > 1.0 else 1.5, 1.0, 1e6))
    needed = min(math.ceil(1.02 * rounds * lacking), most)
    look = min(max(needed, rounds + 1), math.ceil(GROWTH * rounds), most)
    return replace(state, look=look, needed=needed)


def _taken_up_again(state: State, rows: Array, sampler: Importance) -> State:
    """The proposal is too thin somewhere: it learns from its draws, which are then given up, so
    that no draw counts that its own proposal was fitted to."""
    learned = thawed(state.proposal, rows.reshape(-1, rows.shape[-1]), sampler)
    starts = (*state.starts, state.records)
    return replace(state, proposal=learned, starts=starts, look=1, needed=0)
