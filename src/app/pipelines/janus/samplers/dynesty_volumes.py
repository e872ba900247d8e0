"""What the prior's volumes between the points of a nested sampler may have been.

They are known by chance only: each dead point leaves a share of the volume that is the largest of
as many uniform numbers as there are live points (Skilling 2006, Bayesian Analysis 1:833). Drawn
again, they move all weights together, which no effective size of the weights tells: means of a
posterior that lies at one end of the prior err by that alone.
"""

import numpy as np

from app.pipelines.janus.cosmology.model import Array

AGAIN = 60  # times: the standard deviation over them is known to a tenth


def sd_of_means(
    theta: Array, ln_likelihood: Array, ln_volume: Array, live: int, rng: np.random.Generator
) -> Array:
    """(d,): standard deviation of each parameter's mean over volumes drawn again.

    theta (n, d), ln_likelihood (n,) ascending and -inf where it is 0, ln_volume (n,): of dead
    points, and of `live` ones after them.
    """
    dead = len(theta) - live
    steps = -np.diff(ln_volume[:dead], prepend=0.0)
    before = np.concatenate([[-np.inf], ln_likelihood[:-1]])
    ln_height = np.where(ln_likelihood > -np.inf, np.logaddexp(before, ln_likelihood), -np.inf)
    means = np.empty((AGAIN, theta.shape[1]))
    for number in range(AGAIN):
        ln_drawn = -np.cumsum(steps * rng.standard_exponential(dead))
        last = ln_drawn[-1] if dead else 0.0
        left = np.sort(rng.random(live))[::-1]  # of the last volume: all within it are alike
        ln_drawn = np.concatenate([ln_drawn, last + np.log(left)])
        above = np.concatenate([[0.0], ln_drawn[:-1]])
        with np.errstate(divide="ignore"):  # of two points in one place
            ln_weight = ln_height + above + np.log(-np.expm1(ln_drawn - above))
        weight = np.exp(ln_weight - ln_weight.max())
        means[number] = weight @ theta / weight.sum()
    return np.asarray(means.std(axis=0, ddof=1))
