"""report.html and its words: what must be seen is seen, and nothing is fetched from elsewhere."""

import base64
import copy
import re
from pathlib import Path
from typing import Any

import pytest

from app.config.janus.sampler import Convergence, Sampler
from app.pipelines.janus.page import words
from app.pipelines.janus.page.render import write_html

PICTURE = b"\x89PNG as far as the page knows"
ROW = {
    "mean": -0.0651,
    "sd": 0.027,
    "q025": -0.118,
    "q16": -0.092,
    "q50": -0.065,
    "q84": -0.038,
    "q975": -0.012,
    "ess": 1200.0,
    "rhat": 1.002,
    "tau": 12.5,
    "mcse": 0.0008,
    "gain": 1.3,
    "prior": "uniform, low -0.384615, high 0",
    "density": {"kind": "uniform", "low": -0.384615, "high": 0.0},
}
MODEL: dict[str, Any] = {
    "model": "janus",
    "sampler": "emcee",
    "names": ["q0"],
    "mean": {"q0": ROW["mean"]},
    "sd": {"q0": ROW["sd"]},
    "parameters": {"q0": ROW},
    "best": {"q0": -0.066},
    "best_settled": True,
    "criteria": {
        "dof": 29,
        "chi2_gaussian": 41.895,
        "chi2_dof": 1.445,
        "n_data": 31,
        "n_gaussian": 31,
        "k": 2,
        "p_dic": 0.9,
        "waic": -83.5,
        "p_waic": 0.6,
        "n_varying": 0,
    },
    "chi2_min": 41.895,
    "ln_z": None,
    "ln_z_err": None,
    "converged": True,
    "unmet": [],
    "unconstrained": [],
    "includes_prior": False,
    "on_bounds": [],
    "acceptance": 0.41,
    "pareto_k": None,
    "n_evaluations": 64_000,
    "steps_used": 2000,
    "ended": "converged",
    "details": {"moves": ["de", "stretch"]},
    "likelihood": {"jla_binned": {"method": "compressed", "nodes": 12, "kind": "supernovae"}},
    "prior_outside_domain": 0.0,
}
SUMMARY: dict[str, Any] = {
    **MODEL,
    "run_name": "janus-jla_binned",
    "n_data": 31,
    "rivals": {},
    "comparison": [],
    "preferred": None,
    "preferred_sentence": "",
    "predictive": {},
    "conventions": ["Absolute magnitude and H0 are one offset."],
    "versions": {"superior": "0.1.0"},
    "hashes": {"supernovae/jla/jla_mub.txt": "6c91", "config": "77"},
}


def summary(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(SUMMARY) | changes


def page(told: dict[str, Any], plots: Path, **sampler: Any) -> str:
    chosen = Sampler.model_validate({"kind": "emcee"} | sampler)
    return write_html(told, plots, chosen, Convergence())


def test_a_run_that_converged_has_no_alarm(tmp_path: Path) -> None:
    html = page(summary(), tmp_path)
    assert "Not converged" not in html
    assert "janus on jla_binned: q0 = −0.065\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.027." in html


def test_a_run_that_did_not_converge_says_so_in_red(tmp_path: Path) -> None:
    told = summary(converged=False, unmet=["R-hat of q0 is 1.034, above 1.01"])
    html = page(told, tmp_path)
    (alarm,) = re.findall(r'<div class="alarm" role="alert">(.*?)</div>', html, re.DOTALL)
    assert "janus did not converge: R-hat of q0 is 1.034, above 1.01." in alarm
    assert re.search(r"\.alarm\{[^}]*--red", html)


def test_a_rival_that_did_not_converge_is_an_alarm_too(tmp_path: Path) -> None:
    rival = {**copy.deepcopy(MODEL), "model": "lcdm", "converged": False, "unmet": ["too short"]}
    html = page(summary(rivals={"lcdm": rival}), tmp_path)
    assert "lcdm did not converge: too short." in html


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unconstrained": ["q0"]}, "the data say nothing of q0"),
        ({"on_bounds": ["q0"]}, "the posterior of q0 is cut by its prior"),
        ({"prior_outside_domain": 0.27}, "27 % of the prior is outside the model&#39;s domain"),
        ({"best_settled": False}, "the best fit is the best of the draws"),
    ],
)
def test_what_a_reader_must_know_is_told(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    assert said not in page(summary(), tmp_path)
    assert said in page(summary(**changes), tmp_path)


FIRST: dict[str, Any] = {
    "model": "lcdm",
    "converged": True,
    "k": 2,
    "chi2_min": 626.07,
    "chi2_dof": 0.848,
    "ln_z": None,
    "ln_z_sd": None,
    "delta_deviance": 0.0,
    "delta_chi2": 0.0,
    **{f"delta_{key}": 0.0 for key in ("aic", "aicc", "bic", "dic", "waic")},
    "ln_b": None,
    "ln_b_sd": None,
    "uninformed": "",
    "verdict": "",
}


def compared(rows: list[dict[str, Any]], **of_models: dict[str, Any]) -> dict[str, Any]:
    """The summary of a run of the models of `rows`."""
    first, *others = (
        copy.deepcopy(MODEL) | {"model": row["model"]} | of_models.get(row["model"], {})
        for row in rows
    )
    return summary(comparison=rows, rivals={one["model"]: one for one in others}, **first)


def comparison(tmp_path: Path, **second: Any) -> str:
    rows = [FIRST, FIRST | {"model": "five_parameters"} | second]
    html = page(compared(rows), tmp_path)
    (section,) = re.findall(r'<h2 id="comparison">.*?<h2', html, re.DOTALL)
    return str(section)


def test_a_chi2_of_another_covariance_is_a_dash_with_its_reason(tmp_path: Path) -> None:
    alike = comparison(tmp_path, delta_chi2=23.5, delta_deviance=23.5)
    assert "23.50" in alike
    assert "<sup>" not in alike
    other = comparison(tmp_path, delta_chi2=None, delta_deviance=26.214)
    assert "<span>– <sup>a</sup></span>" in other
    assert "<span>26.21</span>" in other
    assert "The covariance of the data is not the same as for lcdm" in other


def test_what_is_unconstrained_is_not_shown_as_a_measurement(tmp_path: Path) -> None:
    told = summary(unconstrained=["q0"], prior_outside_domain=0.915)
    html = page(told, tmp_path)
    assert "janus on jla_binned: no parameter is constrained." in html
    assert "posterior and prior are alike where the model exists" in html
    assert words.tiles(told)[0]["detail"] == "unconstrained: these are its prior's"


def test_degrees_of_freedom_are_told_with_their_own_chi2() -> None:
    by_what = {tile["what"]: tile for tile in words.tiles(summary())}
    assert by_what["χ² at the best fit"]["detail"] == "1.445 for each of 29 degrees of freedom"
    limits = summary(criteria=MODEL["criteria"] | {"n_data": 40, "chi2_dof": 1.3})
    detail = next(tile["detail"] for tile in words.tiles(limits) if "χ²" in tile["what"])
    assert detail == "1.300 for each of 29 degrees of freedom, of the 31 data with Gaussian errors"


def test_data_that_give_no_chi2_are_not_shown_as_a_good_fit() -> None:
    (ages,) = (
        tile
        for tile in words.tiles(
            summary(
                chi2_min=7.6e-288,
                criteria=dict.fromkeys(["dof", "chi2_gaussian", "chi2_dof"])
                | {"n_data": 214, "n_gaussian": 0},
            )
        )
        if "χ²" in tile["what"]
    )
    assert (ages["value"], ages["detail"]) == ("–", "–")
    limits = {"chi2_gaussian": 341.21, "chi2_dof": 1.333, "dof": 256}
    told = summary(chi2_min=378.97, criteria=limits | {"n_data": 514, "n_gaussian": 264})
    assert "341.21" in [tile["value"] for tile in words.tiles(told)]
    assert any("count 264 of 514 data" in note for note in words.notes(told))
    assert not any("one-sided" in note for note in words.notes(summary()))


def test_data_that_no_model_describes_are_told() -> None:
    checks = {"janus": {"p": 5.8e-4}, "lcdm": {"p": 0.3}}
    told = words.notes(summary(predictive={"uv": checks, "sn": {"lcdm": {"p": 0.9997}}}))
    (far,) = [one for one in told if one.startswith("uv:")]
    assert "rare (p = 0.00058 for janus): the model does not describe them" in far
    (near,) = [one for one in told if one.startswith("sn:")]
    assert "scatter less than their errors say (p = 1.00 for lcdm)" in near
    good = {"sn": {"janus": {"p": 0.02}, "lcdm": {"p": 0.98}}}
    assert not [one for one in words.notes(summary(predictive=good)) if one.startswith("sn:")]


def test_bic_is_shown_with_its_n(tmp_path: Path) -> None:
    assert "ΔBIC <small>n = 31</small>" in comparison(tmp_path)
    without = comparison(tmp_path, chi2_dof=None)
    assert re.search(r"<span>626\.070</span></td><td [^>]*><span>–</span>", without)


def test_a_column_that_is_empty_for_all_is_left_out(tmp_path: Path) -> None:
    assert 'data-head="ln Z"' not in comparison(tmp_path)
    assert 'data-head="ln Z"' in comparison(tmp_path, ln_z=272.0)
    weighted = copy.deepcopy(SUMMARY)
    weighted["parameters"]["q0"]["tau"] = None
    assert 'data-head="τ"' in page(summary(), tmp_path)
    assert 'data-head="τ"' not in page(weighted, tmp_path)


def test_a_verdict_by_bic_says_what_that_leaves_out(tmp_path: Path) -> None:
    said = "By BIC alone: an approximation to the evidence"
    rows = [FIRST, FIRST | {"model": "b", "verdict": "strong evidence for b by BIC"}]
    assert said in page(compared(rows), tmp_path)
    rows[1]["verdict"] = "strong evidence for b"
    assert said not in page(compared(rows), tmp_path)


@pytest.mark.parametrize(("k", "told"), [(1, "1"), (2, "1 + 1 offset"), (4, "1 + 3 offsets")])
def test_offsets_are_told_from_parameters(k: int, told: str, tmp_path: Path) -> None:
    of = {"criteria": MODEL["criteria"] | {"k": k}}
    html = page(compared([FIRST, FIRST | {"model": "b"}], lcdm=of, b=of), tmp_path)
    assert html.count(f'data-head="k"><span>{told}</span>') == 2
    assert ("offsets that are fitted analytically" in html) == (k > 1)


@pytest.mark.parametrize(
    ("prior", "told"),
    [
        ({"kind": "uniform", "low": -0.384615, "high": 0.0}, "U(−0.3846, 0)"),
        ({"kind": "normal", "mean": 0.0, "sd": 3.0}, "N(0, 3)"),
        ({"kind": "normal", "mean": 0.3, "sd": 0.1, "low": 0.0}, "N(0.3, 0.1) in [0, ∞)"),
        ({"kind": "normal", "mean": 0.3, "sd": 0.1, "high": 1.0}, "N(0.3, 0.1) in (−∞, 1]"),
        ({"kind": "scipy", "name": "gamma", "a": 2.0, "scale": 3.0}, "gamma(a = 2, scale = 3)"),
    ],
)
def test_a_prior_is_told_as_in_a_paper(prior: dict[str, Any], told: str, tmp_path: Path) -> None:
    it = copy.deepcopy(SUMMARY)
    it["parameters"]["q0"]["density"] = prior
    assert f'title="uniform, low -0.384615, high 0"><span>{told}</span>' in page(it, tmp_path)


@pytest.mark.parametrize(
    ("steps", "told", "remark"),
    [
        (2000, "1,200", ""),
        (200, "1,200", "200 steps are 16 τ"),
        (100, "–", "100 steps are 8 τ"),
        (None, "1,200", ""),
    ],
)
def test_the_effective_size_of_a_short_chain(
    steps: int | None, told: str, remark: str, tmp_path: Path
) -> None:
    it = summary(steps_used=steps)
    html = page(it, tmp_path)
    alert = f' <small class="alert">{remark}</small>' if remark else ""
    assert f'data-head="ESS"><span>{told}{alert}</span>' in html
    tile = words.tiles(it)[-1]
    assert tile["value"] == told
    assert tile["detail"].startswith(remark or "of 64,000 evaluations")


def test_a_function_of_its_own_data_is_said_to_have_none(tmp_path: Path) -> None:
    assert "emcee, 64,000 evaluations of 31 data points" in page(summary(), tmp_path)
    html = page(summary(likelihood={}, n_data=0), tmp_path)
    assert "emcee, 64,000 evaluations;" in html
    assert "janus: q0 = −0.065" in html
    assert "data points" not in html
    assert "<h3>Likelihood</h3>" not in html


def test_the_red_box_ends_with_what_to_type(tmp_path: Path) -> None:
    told = summary(converged=False, ended="steps", unmet=["R-hat of q0 is 1.034, above 1.01"])
    html = page(told, tmp_path, steps=10_000)
    (alarm,) = re.findall(r'<div class="alarm" role="alert">(.*?)</div>', html, re.DOTALL)
    typed = "The same command with sampler.steps=20000 goes on from here."
    assert alarm.rstrip().endswith(f"{typed}</p>")


def test_the_page_holds_its_pictures_and_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "janus_corner.png").write_bytes(PICTURE)
    html = page(summary(), tmp_path)
    assert f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}" in html
    assert not re.search(r'(?:src|href)="https?:', html)
    assert "<script" not in html


def test_texts_are_escaped(tmp_path: Path) -> None:
    html = page(summary(conventions=["<b>not bold</b>"]), tmp_path)
    assert "&lt;b&gt;not bold" in html
