"""How much draws tell: autocorrelation times, R-hat, effective sample sizes, weights' tails.

Goodman & Weare (2010) and Sokal (1997) for the autocorrelation time, Vehtari et al. (2021,
Bayesian Analysis 16:667) for R-hat, Vehtari et al. (2024, JMLR 25:72) for the tail of weights.
numpy alone: samplers ask for these again and again while they run, and arviz takes seconds to
import. What is not defined is NaN, never a number made up.
"""

import numpy as np

from app.pipelines.janus.cosmology.model import Array

LEAST_STEPS = 10  # of a chain that anything is told of
WINDOW = 5.0  # autocorrelation times that are summed over (Sokal)
ROUNDING = 1e-24  # in the variance of normal scores
EVEN = 10.0  # times the mean of weights: the effective size is then a tenth of them, at least


def autocorrelation_times(theta: Array) -> Array:
    """(E, d): integrated autocorrelation time, in steps, of every ensemble and parameter of
    theta (E, S, W, d).

    The autocorrelation is averaged over an ensemble's walkers, as in `emcee.autocorr`, but about
    the mean of all draws, not of each walker's own: a walker or an ensemble that stays where it
    is then has a long time, not a short one. What taking the mean from the draws themselves hides
    is put back (Wolff 2004, Computer Physics Communications 156:143). At least 1; NaN for a
    parameter that never moved and for chains shorter than 10 steps.
    """
    ensembles, steps, _, ndim = theta.shape
    times = np.full((ensembles, ndim), np.nan)
    if steps < LEAST_STEPS:
        return times
    for parameter in range(ndim):
        values = theta[..., parameter]
        if values.max() == values.min():
            continue
        centred = values - values.mean()
        for ensemble in range(ensembles):
            times[ensemble, parameter] = _integrated_time(centred[ensemble], centred.size)
    return times


def _integrated_time(centred: Array, draws: int) -> float:
    """Of (S, W), about a mean of `draws` draws."""
    covariance = _autocovariance(centred)
    if not covariance[0] > 0.0:
        return float("nan")
    times = 2.0 * np.cumsum(covariance / covariance[0]) - 1.0
    windows = np.arange(len(times)) >= WINDOW * times
    # Chains that are too short have no window: what they have, at the most
    window = int(np.argmax(windows)) if windows.any() else int(np.argmax(times))
    return float(max(times[window] * (1.0 + (2.0 * window + 1.0) / draws), 1.0))


def _autocovariance(centred: Array) -> Array:
    """(S,): of (S, W), the mean over walkers; by FFT, padded so that it does not wrap round."""
    from scipy.fft import irfft, next_fast_len, rfft

    steps = len(centred)
    size = next_fast_len(2 * steps, real=True)
    transformed = rfft(np.ascontiguousarray(centred.T), size, axis=1)
    power = (transformed.real**2 + transformed.imag**2).mean(axis=0)
    return np.asarray(irfft(power, size)[:steps] / steps)


def effective_sizes(times: Array, draws: int) -> Array:
    """(d,): effective sample size of each parameter, from autocorrelation times (E, d) of
    ensembles of `draws` (steps x walkers) each: their sum."""
    return np.asarray((draws / times).sum(axis=0))


def split_rhat(theta: Array) -> Array | None:
    """(d,): `rhat` over the ensembles of theta (E, S, W, d), each one chain of its draws in the
    order of steps; None for one ensemble. Walkers of one ensemble are no chains: they move by each
    other."""
    ensembles, _, _, ndim = theta.shape
    if ensembles < 2:
        return None
    chains = theta.reshape(ensembles, -1, ndim)
    return np.array([rhat(chains[:, :, parameter]) for parameter in range(ndim)])


def rhat(chains: Array) -> float:
    """Split R-hat of (E, n): the greater of the rank-normalised one and the one of the folded
    draws, which sees chains of different widths. NaN where all draws are equal or n < 4."""
    n = chains.shape[1]
    if n < 4:
        return float("nan")
    half = n // 2
    halves = np.concatenate([chains[:, :half], chains[:, n - half :]])
    folded = np.abs(halves - np.median(halves))
    return max(_rhat(_normal_scores(halves)), _rhat(_normal_scores(folded)))


def _normal_scores(chains: Array) -> Array:
    """Ranks over all chains as normal quantiles (Blom 1958)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(chains.ravel(), method="average").reshape(chains.shape)
    return np.asarray(ndtri((ranks - 0.375) / (chains.size + 0.25)))


def _rhat(chains: Array) -> float:
    n = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    between = chains.mean(axis=1).var(ddof=1)
    if within < ROUNDING:  # chains that never moved: apart, or all in one place
        return float("inf") if between > ROUNDING else float("nan")
    return float(np.sqrt((n - 1) / n + between / within))


def weights_of(log_weight: Array) -> Array:
    """exp(log_weight), so that they sum to 1 over all."""
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def kish_size(weight: Array) -> float:
    """Effective number of weighted draws: (sum w)^2 / sum w^2."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def weighted_errors(theta: Array, weight: Array) -> tuple[Array, Array]:
    """Of draws (n, d) with weights (n,) that sum to 1: each parameter's standard deviation and the
    standard error of its mean, (d,) each (delta method for a self-normalised mean)."""
    centred = theta - weight @ theta
    variance = weight @ centred**2
    error = np.sqrt(weight**2 @ centred**2)
    return np.sqrt(variance), error


def rhat_of_populations(theta: Array, weight: Array) -> Array | None:
    """(d,): R-hat over weighted populations, theta (E, N, d) and weights (E, N) that sum to 1 over
    all; None for one population.

    As `rhat`, with weighted ranks and moments; a population counts as many draws as it is worth.
    Not split: a population's draws are independent of each other.
    """
    populations, _, ndim = theta.shape
    if populations < 2:
        return None
    own = weight / np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    n = min(kish_size(one) if one.any() else 0.0 for one in own)
    if n < 4.0:
        return np.full(ndim, np.nan)
    return np.array([_weighted_rhat(theta[:, :, i], weight, own, n) for i in range(ndim)])


def _weighted_rhat(values: Array, weight: Array, own: Array, n: float) -> float:
    folded = np.abs(values - _weighted_median(values.ravel(), weight.ravel()))
    return max(
        _moments_rhat(_weighted_scores(values, weight), own, n),
        _moments_rhat(_weighted_scores(folded, weight), own, n),
    )


def _weighted_median(values: Array, weight: Array) -> float:
    order = np.argsort(values)
    at = np.searchsorted(np.cumsum(weight[order]), 0.5)
    return float(values[order[min(int(at), len(values) - 1)]])


def _weighted_scores(values: Array, weight: Array) -> Array:
    from scipy.special import ndtri

    order = np.argsort(values, axis=None)
    sorted_weight = weight.ravel()[order]
    below = np.cumsum(sorted_weight) - 0.5 * sorted_weight
    scores = np.empty(values.size)
    scores[order] = ndtri(np.clip(below, 1e-12, 1.0 - 1e-12))
    return scores.reshape(values.shape)


def _moments_rhat(scores: Array, own: Array, n: float) -> float:
    means = (own * scores).sum(axis=1)
    within = (own * (scores - means[:, None]) ** 2).sum(axis=1).mean()
    if within < ROUNDING:
        return float("nan")
    return float(np.sqrt((n - 1.0) / n + means.var(ddof=1) / within))


def populations_disagree(weight: Array) -> float | None:
    """p-value of the populations' evidences being equal, from weights (E, N) on one scale; None
    for one population. Small where a population has missed a mode or met one that others missed."""
    from scipy.special import chdtrc

    populations, count = weight.shape
    if populations < 2:
        return None
    variance = weight.var(axis=1, ddof=1).mean() / count
    if variance == 0.0:
        return 1.0
    chi2 = ((weight.mean(axis=1) - weight.mean()) ** 2).sum() / variance
    return float(chdtrc(populations - 1, chi2))


def pareto_k(log_weight: Array) -> float:
    """Shape of the generalised Pareto distribution of the largest importance weights: below 0.7
    their means can be trusted. As `arviz.psislw`; the fit is that of Zhang & Stephens (2009).
    Infinite where fewer than 5 weights are in the tail.

    At most 0.5 where no weight is `EVEN` times their mean: of weights with an edge, as beside the
    end of a prior, the largest few may be of no Pareto distribution, which is then fitted with any
    shape, 4 of weights within a factor of 2.
    """
    x = np.sort(log_weight.ravel())
    x = x - x[-1]
    shape = _tail_shape(x)
    return min(shape, 0.5) if EVEN * np.exp(x).mean() > 1.0 else shape


def _tail_shape(x: Array) -> float:
    """Of ascending log-weights, the largest of them 0."""
    n = len(x)
    tail = int(np.ceil(min(n / 5.0, 3.0 * np.sqrt(n))))
    if n <= tail:
        return float("inf")
    cutoff = max(float(x[-tail - 1]), float(np.log(np.finfo(float).tiny)))
    largest = x[x > cutoff]
    if len(largest) <= 4:
        return float("inf")
    return _pareto_shape(np.exp(largest) - np.exp(cutoff))


def _pareto_shape(excess: Array) -> float:
    """Of ascending excesses over the cut; drawn towards 0.5 with the weight of 10 of them."""
    n = len(excess)
    trials = 30 + int(n**0.5)
    b = 1.0 - np.sqrt(trials / (np.arange(1, trials + 1) - 0.5))
    b = b / (3.0 * excess[int(n / 4 + 0.5) - 1]) + 1.0 / excess[-1]
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-b / k) - k - 1.0)
    weight = np.exp(profile - profile.max())
    weight = np.where(weight >= 10.0 * np.finfo(float).eps * weight.sum(), weight, 0.0)
    shape = np.log1p(-((b * weight).sum() / weight.sum()) * excess).mean()
    return float((n * shape + 5.0) / (n + 10.0))
