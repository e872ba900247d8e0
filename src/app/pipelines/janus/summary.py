"""summary.json of a run: the studied model at the top, its rivals below it in the same words."""

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Any

from app.durable.source import git_sha, version

Json = dict[str, Any]

PACKAGES = ("numpy", "scipy", "emcee", "nautilus-sampler", "dynesty", "arviz")
CONVENTIONS = {
    "marginalised": "Absolute magnitude and H0 of supernovae are one offset for each survey, "
    "marginalised analytically under a flat prior.",
    "profiled": "Absolute magnitude and H0 of supernovae are one offset for each survey, at its "
    "best value for every parameter vector (profiled). ln Z is then not the evidence of "
    "normalised probabilities: its differences between models mean something where the covariance "
    "is the same for all parameters.",
    "fixed": "Distance moduli of supernovae are absolute: H0 is sampled.",
}
OF_FUNCTION = (
    "The log-probability is the whole posterior: ln Z is of the function as it is, the logarithm "
    "of its integral within the bounds of the priors. No likelihood is known apart from it: there "
    "is no AIC, BIC, DIC or WAIC."
)


def summary_of(
    run_name: str,
    findings: Mapping[str, Any],
    sampler: str,
    offset: str,
    has_supernovae: bool,
    hashes: Mapping[str, str],
    n_data: int,
) -> Json:
    """What the issue of a run is, in one file. Numbers that are not defined are null."""
    order = findings["order"]
    told = {name: _flat(name, findings["models"][name], sampler) for name in order}
    first = order[0]
    return {
        "run_name": run_name,
        **told[first],
        "n_data": n_data,
        "rivals": {name: one for name, one in told.items() if name != first},
        "comparison": findings["comparison"],
        "preferred": findings["preferred"],
        "preferred_sentence": findings["preferred_sentence"],
        "predictive": findings["predictive"],
        "conventions": [
            *([CONVENTIONS[offset]] if has_supernovae else []),
            *([OF_FUNCTION] if told[first]["includes_prior"] else []),
        ],
        "versions": versions(),
        "hashes": dict(hashes),
    }


def _flat(name: str, one: Mapping[str, Any], sampler: str) -> Json:
    parameters = one["parameters"]

    def of(key: str) -> dict[str, Any]:
        return {parameter: row[key] for parameter, row in parameters.items()}

    return {
        "model": name,
        "sampler": sampler,
        **{key: value for key, value in one.items() if key != "ln_z_sd"},
        "ln_z_err": one["ln_z_sd"],
        "chi2_min": one["criteria"]["chi2_min"],
        **{key: of(key) for key in ("mean", "sd", "ess", "rhat", "tau")},
    }


def versions() -> dict[str, str]:
    """Of this project, of Python, of the packages that numbers depend on."""
    found = {"superior": version(), "git": git_sha() or "", "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
