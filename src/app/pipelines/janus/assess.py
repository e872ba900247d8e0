"""What the draws of every model say, and how far they can be believed: one value of JSON."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from app.config.janus.sampler import Convergence, Sampler
from app.errors import SuperiorError
from app.pipelines.janus.best_fit import BestFit, best_fit
from app.pipelines.janus.comparison import Compared, compare, preferred
from app.pipelines.janus.cosmology.model import Array
from app.pipelines.janus.domain import prior_in_domain
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.flatness import flat_parameters
from app.pipelines.janus.information import criteria
from app.pipelines.janus.judgement import Judgement, judge
from app.pipelines.janus.on_data import data_of, on_data
from app.pipelines.janus.past_bounds import cut_by_prior
from app.pipelines.janus.posterior import Posterior

Json = dict[str, Any]

OF_COVARIANCE = ("sigma_int", "alpha", "beta")  # of supernovae
Done = Callable[[str, str, float], None]  # of a model, a step of its assessment, so much of it
Once = Callable[[str, Callable[[], Json]], Json]  # what is said of a model, or how it is found

QUANTILES = {"q025": 0.025, "q16": 0.159, "q50": 0.5, "q84": 0.841, "q975": 0.975}


def assessed(
    draws: Mapping[str, Draws],
    posteriors: Mapping[str, Posterior],
    sampler: Sampler,
    convergence: Convergence,
    seed: int,
    once: Once = lambda name, make: make(),
    done: Done = lambda name, step, share: None,
) -> Json:
    """order: names, the studied model first; models: name -> its parameters, best fit, criteria,
    evidence, and whether it converged; comparison: a row for each, against the first; preferred,
    preferred_sentence; data_sha256: of the data as numbers; null: a user has them.

    `once`, `done`: as of `Assessing`, which keeps and tells."""
    kind = sampler.root.kind
    flat = {name: _flat(posterior, seed) for name, posterior in posteriors.items()}
    models: Json = {}
    for name, posterior in posteriors.items():
        found = partial(
            _model, draws[name], posterior, convergence, kind, flat[name], seed, partial(done, name)
        )
        models[name] = once(name, found)
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
            {name: _compared(one, posteriors[name], flat[name]) for name, one in models.items()}
        )
        told["preferred"], told["preferred_sentence"] = preferred(told["comparison"])
    return told


def _model(
    draws: Draws,
    posterior: Posterior,
    convergence: Convergence,
    kind: str,
    flat: list[str],
    seed: int,
    done: Callable[[str, float], None],
) -> Json:
    judgement = judge(draws, convergence, posterior.prior, kind, prior_in_domain(posterior))
    unconstrained = [
        name for name in draws.names if name in flat or name in judgement.unconstrained
    ]
    cut = cut_by_prior(draws, posterior)
    done("judged", 1.0)
    data = data_of(posterior)
    # one call of a user's function may take seconds: its best draw has to do
    climbed = partial(done, "best fit")
    best = best_fit(draws, posterior, climbed) if data else best_draw(draws)
    told = criteria(draws, posterior, best, data, np.random.default_rng(seed))
    return {
        "names": list(draws.names),
        "parameters": _parameters(draws, judgement, posterior),
        "best": dict(zip(draws.names, map(float, best.theta), strict=True)),
        "best_settled": best.settled,
        "criteria": told,
        "ln_z": draws.ln_z,
        "ln_z_sd": draws.ln_z_sd,
        "includes_prior": posterior.description.get("includes_prior", False),
        "converged": judgement.converged and not cut,
        "judged": judgement.judged,
        "unmet": [*judgement.unmet, *cut],
        "unconstrained": unconstrained,
        "on_bounds": [name for name in judgement.on_bounds if name not in unconstrained],
        "acceptance": judgement.acceptance,
        "pareto_k": judgement.pareto_k,
        "n_evaluations": draws.evaluations,
        "steps_used": None if draws.accepted is None else draws.theta.shape[1] - draws.discard,
        "ended": draws.ended,
        "details": dict(draws.details),
        "likelihood": posterior.description.get("likelihood", {}),
        "prior_outside_domain": posterior.description.get("share_outside_domain", 0.0),
    }


def _flat(posterior: Posterior, seed: int) -> list[str]:
    """As it was looked for before anything was sampled, from the same seed; not of a user's own
    log-probability, of which one value may take seconds."""
    if on_data(posterior) is None:
        return []
    try:
        return flat_parameters(posterior, np.random.default_rng(seed))
    except SuperiorError:  # no draw of the prior in so small a domain; a sampler found it
        return []


def _compared(one: Json, posterior: Posterior, flat: list[str]) -> Compared:
    undecided = [name for name, row in one["parameters"].items() if row["gain"] is None]
    return Compared(
        criteria=one["criteria"],
        ln_z=one["ln_z"],
        ln_z_sd=one["ln_z_sd"],
        converged=one["converged"],
        data=posterior.identity["data"],
        flat=flat,
        unconstrained=one["unconstrained"],
        undecided=[name for name in undecided if name not in one["unconstrained"]],
        of_covariance=_of_covariance(posterior, np.array(list(one["best"].values()))),
    )


def _of_covariance(posterior: Posterior, best: Array) -> dict[str, float]:
    """Parameters of the data, sampled or fixed, that their covariance depends on, at the best fit;
    a model's own of the same name are none of them."""
    likelihood = on_data(posterior)
    if likelihood is None:
        return {}
    names, values = likelihood.vectors.names, likelihood.vectors.full(best[None])[0]
    own = len(likelihood.model.parameters)
    of_data = zip(names[own:], values[own:], strict=True)
    return {name: float(value) for name, value in of_data if name in OF_COVARIANCE}


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
            "density": dict(posterior.identity["prior"][name]),
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
