"""How well a model describes the data, and what its parameters cost.

Akaike (1974), and with the correction of Hurvich & Tsai (1989); Schwarz (1978); Spiegelhalter et
al. (2002) for DIC; Watanabe (2010) for WAIC, in the form of Gelman et al. (2014), which is not to
be relied on where the log density of a datum varies by more than 0.4 over the posterior (Vehtari,
Gelman & Gabry 2017, Statistics and Computing 27:1413).

chi2 per degree of freedom, AICc and BIC count the data with Gaussian errors alone. Limits and ages
are one-sided: such a datum adds nothing to chi2, nor to what is known of the parameters, as soon as
the model keeps to it. ln n of BIC is how fast that knowledge grows with the data, and for censored
data n is the number of uncensored ones (Volinsky & Raftery 2000, Biometrics 56:256).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.pipelines.janus.best_fit import BestFit
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior

MOST = 4000  # draws that WAIC is computed from
NEGLIGIBLE = 1e-9  # of the weight, that may be left out
VARIES = 0.4  # variance of the log density of one datum, above which WAIC is not to be relied on
BATCH = 256  # rows of (draws, data) at a time
OF_CHI2 = ("chi2_min", "chi2_gaussian", "chi2_dof")
OF_WAIC = ("waic", "p_waic", "n_varying")
OF_LIKELIHOOD = ("ln_l_max", "aic", "aicc", "bic", "dic", "p_dic", *OF_WAIC)


@dataclass(frozen=True)
class Data:
    """What the criteria need of the data, besides the posterior."""

    count: int
    gaussian: int  # of them: with Gaussian errors; not limits, nor ages
    offsets: int  # fitted analytically: parameters too, though not sampled
    chi2: Callable[[Array], Array]  # of sampled parameters (w, d): (w,)
    chi2_gaussian: Callable[[Array], Array]  # (w, d) -> (w,): of the Gaussian ones
    pointwise: Callable[[Array], Array]  # (w, d) -> (w, n): log-likelihood of each datum


def criteria(
    draws: Draws, posterior: Posterior, best: BestFit, data: Data | None, rng: np.random.Generator
) -> dict[str, Any]:
    """JSON: k, n_data, n_gaussian, dof, ln_l_max, chi2_min, chi2_gaussian, chi2_dof, aic, aicc,
    bic, dic, p_dic, waic, p_waic, n_varying.

    All but chi2 are of -2 ln L with its normalisation; only their differences between models of
    the same data mean something. k counts offsets too. None: not defined. `data` None: a
    log-probability of the user's own; where that includes its prior, no likelihood is known, and
    none of them is defined. `chi2_min` is chi2 at the best fit, -2 ln L of limits and
    ages with it; `chi2_gaussian` there is of the other data, `chi2_dof` and `dof` are of them.
    `n_varying`: data whose log density varies by more than 0.4.
    """
    k = posterior.ndim + (data.offsets if data else 0)
    deviance = -2.0 * best.log_likelihood
    told: dict[str, Any] = {
        "k": k,
        "n_data": data.count if data else None,
        "n_gaussian": data.gaussian if data else None,
        "ln_l_max": best.log_likelihood,
        "aic": deviance + 2.0 * k,
    }
    told |= _of_count(deviance, k, data.gaussian) if data else dict.fromkeys(["dof", "aicc", "bic"])
    told |= _of_chi2(best.theta, data, told["dof"]) if data else dict.fromkeys(OF_CHI2)
    told |= _dic(draws, posterior)
    told |= _waic(draws, data, rng) if data else dict.fromkeys(OF_WAIC)
    if posterior.description.get("includes_prior"):
        told |= dict.fromkeys(OF_LIKELIHOOD)
    return told


def _of_count(deviance: float, k: int, n: int) -> dict[str, Any]:
    corrected = 2.0 * k * n / (n - k - 1.0) if n > k + 1 else None
    return {
        "dof": n - k if n > k else None,
        "aicc": None if corrected is None else deviance + corrected,
        "bic": deviance + k * float(np.log(n)) if n else None,
    }


def _of_chi2(best: Array, data: Data, dof: int | None) -> dict[str, float | None]:
    chi2, gaussian = (float(of(best[None])[0]) for of in (data.chi2, data.chi2_gaussian))
    found = (chi2, gaussian if data.gaussian else None, gaussian / dof if dof else None)
    return dict(zip(OF_CHI2, found, strict=True))


def _dic(draws: Draws, posterior: Posterior) -> dict[str, float | None]:
    """dic: None where the mean of the draws is outside the model's domain, or where p_dic < 0: the
    mean is then less likely than the draws are, as in a curved or cut posterior, and is no estimate
    that parameters could be counted by."""
    theta, weight = draws.kept()
    log_likelihood = draws.kept_log_likelihood()
    held = weight > 0.0
    mean_deviance = -2.0 * float(weight[held] @ log_likelihood[held])
    at_mean = -2.0 * float(posterior.log_likelihood((weight @ theta)[None])[0])
    if not np.isfinite(at_mean):
        return {"dic": None, "p_dic": None}
    effective = mean_deviance - at_mean
    return {"dic": mean_deviance + effective if effective >= 0.0 else None, "p_dic": effective}


def _waic(draws: Draws, data: Data, rng: np.random.Generator) -> dict[str, float | None]:
    theta, weight = _few(draws, rng)
    with np.errstate(invalid="ignore"):  # a datum that a draw makes impossible: no WAIC
        fit, variance = _fit_and_variance(theta, weight, data)
    effective = float(variance.sum())
    if not np.isfinite([fit, effective]).all():
        return dict.fromkeys(OF_WAIC)
    varying = int((variance > VARIES).sum())
    return {"waic": -2.0 * (fit - effective), "p_waic": effective, "n_varying": varying}


def _fit_and_variance(theta: Array, weight: Array, data: Data) -> tuple[float, Array]:
    """Log pointwise predictive density, and the variance of each log-likelihood (n,); in one pass
    over batches of draws, whose moments are merged (Chan et al. 1979)."""
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
    fit = float((highest + np.log(density / total)).sum())
    return fit, spread / total


def _few(draws: Draws, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws and weights: all that count where they are few, else 4000 of them."""
    theta, weight = draws.kept()
    order = np.argsort(-weight, kind="stable")
    needed = int(np.searchsorted(np.cumsum(weight[order]), 1.0 - NEGLIGIBLE)) + 1
    if needed <= MOST:
        return theta[order[:needed]], weight[order[:needed]]
    return draws.equally_weighted(MOST, rng), np.full(MOST, 1.0 / MOST)
