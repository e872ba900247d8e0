"""What the data say of each parameter beyond its prior, and whether a prior's bound cuts it off."""

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.posterior import Prior

LEAST_GAIN = 0.02  # nats; below, the posterior is the prior
LEAST_SIZE = 400.0  # effective draws: of the prior itself, 1 in 100 such has a gain above the least
CELLS = 16  # of equal prior probability, that the gain is summed over
WINDOW = 0.25  # posterior standard deviations, that a density is averaged over
ROUNDING = 1e-12  # of the values
PILED = float(np.exp(-0.5))  # of the highest density: a Gaussian cut within 1 sd of its top


def information_gains(
    theta: Array, weight: Array, ess: Array | None, prior: Prior, possible: Array | None = None
) -> Array:
    """(d,): nats from prior to posterior of each parameter's marginal (Kullback & Leibler), of
    draws (n, d) with weights (n,) that sum to 1.

    `possible` (m, d): draws of the prior where the model exists; None: it exists everywhere. The
    posterior is held against that part alone: an edge of the model's domain is no measurement.

    Summed over 16 cells of equal prior probability, less what `ess` (d,) random draws of the prior
    itself would show (Miller & Madow), and m of them whose quantiles are the cells' edges; `ess`
    None: not random, a grid. NaN where there are fewer than 400, which cannot tell.
    """
    ndim = theta.shape[1]
    noise = np.zeros(ndim) if ess is None else 1.0 / ess
    levels = np.linspace(0.0, 1.0, CELLS + 1)[1:-1]
    if possible is None:
        edges = prior.transform(np.repeat(levels[:, None], ndim, axis=1))
    elif len(possible) < LEAST_SIZE:
        return np.full(ndim, np.nan)
    else:
        edges = np.quantile(possible, levels, axis=0)
        noise = noise + 1.0 / len(possible)
    gains = np.empty(ndim)
    for i in range(ndim):
        below = np.interp(edges[:, i], *_distribution(theta[:, i], weight, prior.bounds[i]))
        share = np.diff(below, prepend=0.0, append=1.0)
        held = share[share > 0.0]
        gains[i] = (held * np.log(held * CELLS)).sum() - (CELLS - 1) / 2.0 * noise[i]
    if ess is not None:
        gains[~(ess >= LEAST_SIZE)] = np.nan
    return gains


def on_bounds(theta: Array, weight: Array, prior: Prior) -> list[str]:
    """Names of the parameters whose density next to a finite bound of the prior is more than
    exp(-1/2) of its highest: there the prior ends the posterior, not the data."""
    return [
        name
        for i, name in enumerate(prior.names)
        if _is_piled(theta[:, i], weight, prior.bounds[i])
    ]


def _is_piled(values: Array, weight: Array, bounds: Array) -> bool:
    mean = float(weight @ values)
    width = WINDOW * float(np.sqrt(weight @ (values - mean) ** 2))
    if width <= ROUNDING * np.abs(values).max():  # all in one place
        return bool(np.isclose(mean, bounds, rtol=ROUNDING, atol=0.0).any())
    x, below = _distribution(values, weight, bounds)
    # All but a thousandth on either side is within 32 sd of the mean (Chebyshev): few windows
    first, last = np.interp([0.001, 0.999], below, x)
    starts = np.arange(first, last, 0.5 * width)
    highest = np.max(np.interp(starts + width, x, below) - np.interp(starts, x, below))
    at_low = np.interp(bounds[0] + width, x, below) if np.isfinite(bounds[0]) else 0.0
    at_high = 1.0 - np.interp(bounds[1] - width, x, below) if np.isfinite(bounds[1]) else 0.0
    return bool(max(at_low, at_high) > PILED * highest)


def _distribution(values: Array, weight: Array, bounds: Array) -> tuple[Array, Array]:
    """Points and the cumulative distribution at them, from 0 at the lower bound, or the least
    value, to 1. Smooth between equal values too: a grid's nodes, a chain that stays."""
    x, at = np.unique(values, return_inverse=True)
    mass = np.bincount(at.ravel(), weights=weight)
    below = np.cumsum(mass) - 0.5 * mass
    low = min(bounds[0], x[0]) if np.isfinite(bounds[0]) else x[0]
    high = max(bounds[1], x[-1]) if np.isfinite(bounds[1]) else x[-1]
    return np.concatenate([[low], x, [high]]), np.concatenate([[0.0], below, [1.0]])
