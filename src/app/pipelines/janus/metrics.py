"""The numbers by which runs are compared, for MLflow and for sweeps."""

from collections.abc import Mapping
from typing import Any

CRITERIA = ("chi2_min", "chi2_dof", "aic", "bic", "dic", "waic")


def metrics_of(findings: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """`posterior/<model>` -> score -> number; what is not defined is left out."""
    found = {}
    for name, one in findings["models"].items():
        told: dict[str, Any] = {key: one["criteria"].get(key) for key in CRITERIA}
        told |= {"ln_z": one["ln_z"], "ln_z_sd": one["ln_z_sd"]}
        told |= {"n_evaluations": one["n_evaluations"], "converged": float(one["converged"])}
        sizes = [row["ess"] for row in one["parameters"].values() if row["ess"] is not None]
        told["ess_min"] = min(sizes, default=None)
        for parameter, row in one["parameters"].items():
            told[f"mean_{parameter}"], told[f"sd_{parameter}"] = row["mean"], row["sd"]
        found[f"posterior/{name}"] = {
            key: float(value) for key, value in told.items() if value is not None
        }
    return found
