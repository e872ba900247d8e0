"""What the draws of every model say, and how far they can be believed: one value of JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Sampler
from app.pipelines.janus.best_fit import BestFit, best_fit
from app.pipelines.janus.comparison import Compared, compare, preferred
from app.pipelines.janus.convergence import Judgement, judge
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.flatness import flat_parameters
from app.pipelines.janus.information import criteria
from app.pipelines.janus.on_data import data_of
from app.pipelines.janus.posterior import Posterior

Json = dict[str, Any]

QUANTILES = {"q025": 0.025, "q16": 0.159, "q50": 0.5, "q84": 0.841, "q975": 0.975}


def assessed(
    draws: Mapping[str, Draws],
    posteriors: Mapping[str, Posterior],
    sampler: Sampler,
    convergence: Convergence,
    seed: int,
) -> Json:
    """order: names, the studied model first; models: name -> its parameters, best fit, criteria,
    evidence, and whether it converged; comparison: a row for each, against the first; preferred,
    preferred_sentence; data_sha256: of the data as numbers; null: a user has them."""
    rng = np.random.default_rng(seed)
    kind = sampler.root.kind
    models = {
        name: _model(draws[name], posterior, convergence, kind, rng)
        for name, posterior in posteriors.items()
    }
    told: Json = {
        "models": models,
        "order": list(models),
        "comparison": [],
        "preferred": None,
        "preferred_sentence": "",
    }
    told["data_sha256"] = next(iter(posteriors.values())).identity.get("data")
    if len(models) > 1:
        told["comparison"] = compare(
            {
                name: Compared(
                    criteria=one["criteria"],
                    ln_z=one["ln_z"],
                    ln_z_sd=one["ln_z_sd"],
                    converged=one["converged"],
                    data=posteriors[name].identity["data"],
                    flat=flat_parameters(posteriors[name], rng),
                )
                for name, one in models.items()
            }
        )
        told["preferred"], told["preferred_sentence"] = preferred(told["comparison"])
    return told


def _model(
    draws: Draws,
    posterior: Posterior,
    convergence: Convergence,
    kind: str,
    rng: np.random.Generator,
) -> Json:
    judgement = judge(draws, convergence, posterior.prior, kind)
    data = data_of(posterior)
    # one call of a user's function may take seconds: its best draw has to do
    best = best_fit(draws, posterior) if data else best_draw(draws)
    told = criteria(draws, posterior, best, data, rng)
    return {
        "names": list(draws.names),
        "parameters": _parameters(draws, judgement, posterior),
        "best": dict(zip(draws.names, map(float, best.theta), strict=True)),
        "best_settled": best.settled,
        "criteria": told,
        "ln_z": draws.ln_z,
        "ln_z_sd": draws.ln_z_sd,
        "converged": judgement.converged,
        "unmet": judgement.unmet,
        "unconstrained": judgement.unconstrained,
        "on_bounds": judgement.on_bounds,
        "acceptance": judgement.acceptance,
        "pareto_k": judgement.pareto_k,
        "n_evaluations": draws.evaluations,
        "ended": draws.ended,
        "details": dict(draws.details),
        "likelihood": posterior.description.get("likelihood", {}),
        "prior_outside_domain": posterior.description.get("share_outside_domain", 0.0),
    }


def best_draw(draws: Draws) -> BestFit:
    """The draw of the highest posterior density."""
    d = draws.theta.shape[-1]
    density = (draws.log_likelihood + draws.log_prior).reshape(-1)
    at = int(np.argmax(density))
    theta = draws.theta.reshape(-1, d)[at]
    return BestFit(theta, float(draws.log_likelihood.reshape(-1)[at]), settled=False)


def _parameters(draws: Draws, judgement: Judgement, posterior: Posterior) -> Json:
    theta, weight = draws.kept()
    mean = weight @ theta
    sd = np.sqrt(weight @ (theta - mean) ** 2)
    told = {}
    for column, name in enumerate(draws.names):
        told[name] = {
            "mean": float(mean[column]),
            "sd": float(sd[column]),
            **_quantiles(theta[:, column], weight),
            "ess": _of(judgement.ess, name),
            "rhat": _of(judgement.rhat, name),
            "tau": _of(judgement.tau, name),
            "mcse": None
            if (mcse := _of(judgement.mcse, name)) is None
            else mcse * float(sd[column]),
            "gain": judgement.gain[name],
            "prior": prior_words(posterior.identity["prior"][name]),
        }
    return told


def _quantiles(values: np.ndarray[Any, Any], weight: np.ndarray[Any, Any]) -> dict[str, float]:
    order = np.argsort(values, kind="stable")
    ordered, below = values[order], np.cumsum(weight[order]) - 0.5 * weight[order]
    return {name: float(np.interp(q, below, ordered)) for name, q in QUANTILES.items()}


def prior_words(told: Mapping[str, Any]) -> str:
    """`uniform, low -0.385, high 0`."""
    numbers = (f"{key} {value:.6g}" for key, value in told.items() if isinstance(value, float))
    return ", ".join([str(told.get("name", told["kind"])), *numbers])


def _of(values: Mapping[str, float | None] | None, name: str) -> float | None:
    return None if values is None else values[name]
