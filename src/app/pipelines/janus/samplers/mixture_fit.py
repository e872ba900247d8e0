"""Mixtures of t distributions fitted to weighted draws by expectation maximisation.

The updates are those of Cappe, Douc, Guillin, Marin & Robert (2008), Statistics and Computing
18:447, section 3.3, at fixed degrees of freedom. Fitting is done in coordinates in which the draws
have unit covariance, so that parameters of any scale and correlation are treated alike; and to a
sample of the draws by their weights, since more of them make it slow, not good.
"""

import numpy as np

from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.samplers.mixture import TMixture, systematic

FLOOR = 1e-8  # least variance of a component in any direction, of that of all draws
LEAST_DRAWS = 2.0  # that a component is worth, or it is dropped
FEWEST = 1000  # draws that are fitted to
FOR_EACH = 4  # the same for each component, in pairs of its parameters
SEEDED = 500  # draws that the first centres are found among
LLOYD = 3  # rounds of k-means


def fitted(
    theta: Array,
    weight: Array,
    components: int,
    df: float,
    rng: np.random.Generator,
    rounds: int,
    start: TMixture | None = None,
) -> TMixture:
    """A mixture for draws `theta` (n, d) of `weight` (n,), which sum to 1.

    At most `components`, fewer where the draws are too few for their covariances. `start`: where
    the iteration begins, its guards aside; else at centres found by k-means.
    """
    d, effective = theta.shape[1], 1.0 / float(weight @ weight)
    components = int(np.clip(effective / (d * (d + 3)), 1, components))
    counts = systematic(weight, max(FEWEST, FOR_EACH * d * (d + 3) * components), rng)
    drawn = counts > 0
    theta, weight = theta[drawn], counts[drawn] / counts.sum()
    mean, factor = _moments(theta, weight)
    inverse = np.linalg.inv(factor)
    whitened = (theta - mean) @ inverse.T
    if start is None:
        mixture = _seeded(whitened, weight, components, df, rng)
    else:
        own = slice(0, start.size - start.guards)
        mixture = TMixture(
            start.weights[own] / start.weights[own].sum(),
            (start.means[own] - mean) @ inverse.T,
            inverse @ start.factors[own],
            df,
        )
        mixture = _completed(mixture, whitened, weight, components, rng)
    products = (whitened[:, :, None] * whitened[:, None, :]).reshape(-1, d * d)
    for _ in range(rounds if mixture.size > 1 else min(rounds, 4)):
        mixture = _improved(mixture, whitened, products, weight)
    means = mean + mixture.means @ factor.T
    return TMixture(mixture.weights, means, factor @ mixture.factors, df)


def _moments(theta: Array, weight: Array) -> tuple[Array, Array]:
    """The weighted mean, and a square root of the weighted covariance that can be inverted."""
    mean = weight @ theta
    off = theta - mean
    covariance = (weight[:, None] * off).T @ off
    sd = np.sqrt(np.diag(covariance))
    sd = np.maximum(sd, 1e-12 * np.maximum(np.abs(mean), np.ptp(theta, axis=0)))
    sd[sd <= 0.0] = np.finfo(float).tiny ** 0.25
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    return mean, sd[:, None] * (vectors * np.sqrt(np.maximum(values, 1e-12)))


def _seeded(
    x: Array, weight: Array, components: int, df: float, rng: np.random.Generator
) -> TMixture:
    """Components at the clusters that k-means++ (Arthur & Vassilvitskii 2007) finds."""
    d = x.shape[1]
    counts = systematic(weight, SEEDED, rng)
    points = np.repeat(x, counts, axis=0)
    centres = points[rng.integers(len(points))][None]
    nearest = np.full(len(points), np.inf)
    while len(centres) < components:
        nearest = np.minimum(nearest, ((points - centres[-1]) ** 2).sum(axis=1))
        if nearest.sum() <= 0.0:  # fewer points than centres
            break
        at = np.searchsorted(np.cumsum(nearest), rng.random() * nearest.sum())
        centres = np.concatenate([centres, points[min(at, len(points) - 1)][None]])
    for _ in range(LLOYD):
        belongs = _belongs(points, centres)
        held = belongs.sum(axis=1) > 0
        centres = (belongs[held] @ points) / belongs[held].sum(axis=1)[:, None]
    belongs = _belongs(points, centres)
    share = belongs.sum(axis=1) + 1.0
    products = (points[:, :, None] * points[:, None, :]).reshape(-1, d * d)
    off = belongs @ points - belongs.sum(axis=1)[:, None] * centres
    scales = (belongs @ products).reshape(-1, d, d)
    scales -= off[:, :, None] * centres[:, None, :] + centres[:, :, None] * off[:, None, :]
    scales -= belongs.sum(axis=1)[:, None, None] * centres[:, :, None] * centres[:, None, :]
    scales = scales / share[:, None, None] + FLOOR * np.eye(d)
    pooled = np.einsum("k,kij->ij", share / share.sum(), scales)
    scales = (share[:, None, None] * scales + (d + 1) * pooled) / (share + d + 1)[:, None, None]
    return TMixture(share / share.sum(), centres, np.linalg.cholesky(scales), df)


def _belongs(points: Array, centres: Array) -> Array:
    """(K, n): 1 where a centre is the nearest one of a point, else 0."""
    nearest = ((centres**2).sum(axis=1)[:, None] - 2.0 * centres @ points.T).argmin(axis=0)
    belongs: Array = (nearest == np.arange(len(centres))[:, None]).astype(float)
    return belongs


def _completed(
    mixture: TMixture, x: Array, weight: Array, components: int, rng: np.random.Generator
) -> TMixture:
    """With components in place of those that were dropped: at draws by the square of their weight,
    which are where the proposal they come from is too thin."""
    fresh = components - mixture.size
    if fresh <= 0:
        return mixture
    at = np.repeat(np.arange(len(x)), systematic(weight**2, fresh, rng))
    scales = mixture.factors @ mixture.factors.transpose(0, 2, 1)
    pooled = np.linalg.cholesky(np.einsum("k,kij->ij", mixture.weights, scales))
    share = fresh / components
    return TMixture(
        np.append((1.0 - share) * mixture.weights, np.full(fresh, 1.0 / components)),
        np.concatenate([mixture.means, x[at]]),
        np.concatenate([mixture.factors, np.tile(pooled, (fresh, 1, 1))]),
        mixture.df,
    )


def _improved(mixture: TMixture, x: Array, products: Array, weight: Array) -> TMixture:
    """One round of expectation maximisation; components that hold too few draws are dropped.
    `products` (n, d d): those of the coordinates, for all covariances by one matrix product."""
    d, df = mixture.ndim, mixture.df
    falls, shares = mixture.densities(x)
    shares += np.finfo(float).tiny
    shares *= weight / shares.sum(axis=0)  # of each draw, to each component
    sums = shares.sum(axis=1)
    effective = sums**2 / np.maximum(np.einsum("kn,kn->k", shares, shares), np.finfo(float).tiny)
    kept = effective >= LEAST_DRAWS
    if not kept.any():
        kept[np.argmax(sums)] = True
    if not kept.all():
        falls, shares, sums, effective = falls[kept], shares[kept], sums[kept], effective[kept]
    robust = shares / falls
    robust *= (df + d) / df
    held = robust.sum(axis=1)[:, None]
    means = (robust @ x) / held
    scales = robust @ products - held * (means[:, :, None] * means[:, None]).reshape(-1, d * d)
    scales = scales.reshape(-1, d, d) / sums[:, None, None]
    total = sums / sums.sum()
    pooled = np.einsum("k,kij->ij", total, scales)
    own = (effective / (effective + d + 1))[:, None, None]  # few draws: shrunk to the common scale
    scales = own * scales + (1.0 - own) * pooled + FLOOR * np.eye(d)
    return TMixture(total, means, np.linalg.cholesky(scales), df)
