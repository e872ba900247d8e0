"""summary.json has what it is said to have, of a run as it is."""

from typing import Any

from app.pipelines.janus.summary import summary_of

KEYS = {
    *("model", "likelihood", "n_data", "sampler", "n_evaluations", "chi2_min", "best", "mean"),
    *("sd", "ess", "rhat", "tau", "acceptance", "ln_z", "ln_z_err", "converged"),
    *("unconstrained", "versions", "hashes"),
}


def model(mean: float) -> dict[str, Any]:
    row = {"mean": mean, "sd": 0.1, "ess": 900.0, "rhat": 1.0, "tau": None}
    return {
        "parameters": {"x": row},
        "best": {"x": mean},
        "criteria": {"chi2_min": 12.5},
        "ln_z": -3.25,
        "ln_z_sd": 0.004,
        "converged": True,
        "unconstrained": [],
        "includes_prior": False,
        "acceptance": None,
        "n_evaluations": 1000,
        "likelihood": {},
    }


FINDINGS = {
    "order": ["wcdm", "janus"],
    "models": {"janus": model(-0.1), "wcdm": model(0.3)},
    "comparison": [],
    "preferred": None,
    "preferred_sentence": "",
    "predictive": {},
}


def test_every_key_is_there_and_the_studied_model_is_at_the_top() -> None:
    told = summary_of("a", FINDINGS, "emcee", "profiled", True, {"config": "77"}, 31)
    assert told.keys() >= KEYS
    assert (told["model"], told["mean"], told["ln_z_err"]) == ("wcdm", {"x": 0.3}, 0.004)
    assert list(told["rivals"]) == ["janus"]
    assert told["rivals"]["janus"].keys() >= KEYS - {"n_data", "versions", "hashes"}
    assert told["hashes"] == {"config": "77"}
    assert told["versions"]["numpy"]
    assert "(profiled)" in told["conventions"][0]
    assert "not the evidence of normalised probabilities" in told["conventions"][0]


def test_data_without_supernovae_have_no_convention_of_them() -> None:
    told = summary_of("a", FINDINGS, "emcee", "marginalised", False, {}, 15)
    assert told["conventions"] == []
