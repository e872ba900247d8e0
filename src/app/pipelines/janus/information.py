"""How well a model describes the data, and what its parameters cost.

Akaike (1974), with the correction of Hurvich & Tsai (1989) for n/k < 40; Schwarz (1978);
Spiegelhalter et al. (2002) for DIC; Watanabe (2010) for WAIC, in the form of Gelman et al. (2014).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.pipelines.janus.best_fit import BestFit
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior

FEW = 40.0  # data for each parameter: below, AIC is corrected
MOST = 4000  # draws that WAIC is computed from
NEGLIGIBLE = 1e-9  # of the weight, that may be left out
BATCH = 256  # rows of (draws, data) at a time


@dataclass(frozen=True)
class Data:
    """What the criteria need of the data, besides the posterior."""

    count: int
    offsets: int  # fitted analytically: parameters too, though not sampled
    chi2: Callable[[Array], Array]  # of sampled parameters (w, d): (w,)
    pointwise: Callable[[Array], Array]  # (w, d) -> (w, n): log-likelihood of each datum


def criteria(
    draws: Draws, posterior: Posterior, best: BestFit, data: Data | None, rng: np.random.Generator
) -> dict[str, Any]:
    """JSON: k, n_data, dof, ln_l_max, chi2_min, chi2_dof, aic, aicc, bic, dic, p_dic, waic, p_waic.

    All but chi2 are of -2 ln L with its normalisation; only their differences between models of
    the same data mean something. k counts offsets too. None: not defined. `data` None: a
    log-probability of the user's own. `chi2_min` is chi2 at the best fit.
    """
    k = posterior.ndim + (data.offsets if data else 0)
    deviance = -2.0 * best.log_likelihood
    told: dict[str, Any] = {
        "k": k,
        "n_data": data.count if data else None,
        "ln_l_max": best.log_likelihood,
        "aic": deviance + 2.0 * k,
    }
    told |= _of_count(deviance, k, data.count) if data else dict.fromkeys(["dof", "aicc", "bic"])
    chi2 = float(data.chi2(best.theta[None])[0]) if data else None
    told["chi2_min"] = chi2
    told["chi2_dof"] = chi2 / told["dof"] if chi2 is not None and told["dof"] else None
    told |= _dic(draws, posterior)
    told |= _waic(draws, data, rng) if data else dict.fromkeys(["waic", "p_waic"])
    return told


def _of_count(deviance: float, k: int, n: int) -> dict[str, Any]:
    """AICc where the data are few, and more than k + 1."""
    aicc = None
    if n < FEW * k and n > k + 1:
        aicc = deviance + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
    return {
        "dof": n - k if n > k else None,
        "aicc": aicc,
        "bic": deviance + k * float(np.log(n)),
    }


def _dic(draws: Draws, posterior: Posterior) -> dict[str, float | None]:
    """None where the mean of the draws is outside the model's domain."""
    theta, weight = draws.kept()
    log_likelihood = draws.kept_log_likelihood()
    held = weight > 0.0
    mean_deviance = -2.0 * float(weight[held] @ log_likelihood[held])
    at_mean = -2.0 * float(posterior.log_likelihood((weight @ theta)[None])[0])
    if not np.isfinite(at_mean):
        return {"dic": None, "p_dic": None}
    effective = mean_deviance - at_mean
    return {"dic": mean_deviance + effective, "p_dic": effective}


def _waic(draws: Draws, data: Data, rng: np.random.Generator) -> dict[str, float | None]:
    theta, weight = _few(draws, rng)
    with np.errstate(invalid="ignore"):  # a datum that a draw makes impossible: no WAIC
        fit, effective = _fit_and_cost(theta, weight, data)
    if not np.isfinite([fit, effective]).all():
        return {"waic": None, "p_waic": None}
    return {"waic": -2.0 * (fit - effective), "p_waic": effective}


def _fit_and_cost(theta: Array, weight: Array, data: Data) -> tuple[float, float]:
    """Log pointwise predictive density, and the sum of the variances of log-likelihoods; in one
    pass over batches of draws, whose moments are merged (Chan et al. 1979)."""
    highest = np.full(data.count, -np.inf)
    density = np.zeros(data.count)  # sum of w exp(log-likelihood - highest)
    mean = np.zeros(data.count)
    spread = np.zeros(data.count)
    total = 0.0
    for first in range(0, len(theta), BATCH):
        one = data.pointwise(theta[first : first + BATCH])
        w = weight[first : first + BATCH]
        raised = np.maximum(highest, one.max(axis=0))
        density = density * np.exp(highest - raised) + w @ np.exp(one - raised)
        highest = raised
        own_mean = w @ one / w.sum()
        apart = own_mean - mean
        spread += w @ (one - own_mean) ** 2 + apart**2 * total * w.sum() / (total + w.sum())
        total += w.sum()
        mean += apart * w.sum() / total
    effective = float((spread / total).sum())
    fit = float((highest + np.log(density / total)).sum())
    return fit, effective


def _few(draws: Draws, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws and weights: all that count where they are few, else 4000 of them."""
    theta, weight = draws.kept()
    order = np.argsort(-weight, kind="stable")
    needed = int(np.searchsorted(np.cumsum(weight[order]), 1.0 - NEGLIGIBLE)) + 1
    if needed <= MOST:
        return theta[order[:needed]], weight[order[:needed]]
    return draws.equally_weighted(MOST, rng), np.full(MOST, 1.0 / MOST)
