"""Quadrature: its nodes are counted."""

from app.config.janus.sampler import Quadrature
from app.pipelines.janus.estimates.cost import Cost
from app.pipelines.janus.estimates.found import Time
from app.pipelines.janus.estimates.rehearsal import Asked, rehearsed
from app.pipelines.janus.estimates.stand_in import played_for, replaced
from app.pipelines.janus.samplers.grids import BETWEEN
from app.pipelines.janus.samplers.quadrature import fits

FAR = 1e9  # seconds


def time_of(asked: Asked, cost: Cost, limit_s: float) -> Time:
    """Of `sampler=quadrature`."""
    played = played_for(asked, cost, limit_s)
    found = rehearsed(played.asked, limit_s if played.asked is asked else FAR)
    if found.draws is None:
        played = replaced(asked, cost, limit_s)
        found = rehearsed(played.asked, FAR)
    seconds = found.seconds + played.added_s * found.evaluations
    most = seconds
    if asked.convergence.adaptive:
        most = seconds * (1.0 + _doublings(asked) / max(found.evaluations, 1))
    told = "every node was evaluated" if played.asked is asked else "its nodes were counted"
    return Time(seconds, most, found.evaluations, f"{told}; {played.told}")


def _doublings(asked: Asked) -> int:
    """Nodes of one box, doubled as often as there is room for them, of all grids compared."""
    sampler: Quadrature = asked.sampler
    ndim = asked.posterior.ndim
    nodes, total = 2 * sampler.nodes, 0
    while fits(1, nodes, ndim):
        total += sum(round(part * nodes) ** ndim for part in (*BETWEEN, 1.0))
        nodes *= 2
    return total
