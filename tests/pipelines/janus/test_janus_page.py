"""report.html and its words: what must be seen is seen, and nothing is fetched from elsewhere."""

import base64
import copy
import re
from pathlib import Path
from typing import Any

import pytest

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
    "prior": "uniform, low -0.385, high 0",
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
    "criteria": {"dof": 29},
    "chi2_min": 41.895,
    "ln_z": None,
    "ln_z_err": None,
    "converged": True,
    "unmet": [],
    "unconstrained": [],
    "on_bounds": [],
    "acceptance": 0.41,
    "pareto_k": None,
    "n_evaluations": 64_000,
    "ended": "converged",
    "details": {"moves": ["de", "stretch"]},
    "likelihood": {"jla_binned": {"method": "compressed", "nodes": 12}},
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


def test_numbers_have_the_decimals_of_their_errors() -> None:
    assert words.measured(0.29451, 0.03371) == "0.295 ± 0.034"
    assert words.measured(-0.0651, 0.0270) == "−0.065 ± 0.027"
    assert words.measured(66.8362, 3.92) == "66.8 ± 3.9"
    assert words.measured(1234.5, 120.0) == "1234 ± 120"
    assert words.measured(0.3, 0.0) == "0.3"


def test_a_run_that_converged_has_no_alarm(tmp_path: Path) -> None:
    html = write_html(summary(), tmp_path)
    assert "Not converged" not in html
    assert "janus on jla_binned: q0 = −0.065 ± 0.027." in html


def test_a_run_that_did_not_converge_says_so_in_red(tmp_path: Path) -> None:
    told = summary(converged=False, unmet=["R-hat of q0 is 1.034, above 1.01"])
    html = write_html(told, tmp_path)
    (alarm,) = re.findall(r'<div class="alarm" role="alert">(.*?)</div>', html, re.DOTALL)
    assert "janus did not converge: R-hat of q0 is 1.034, above 1.01." in alarm
    assert re.search(r"\.alarm\{[^}]*--red", html)


def test_a_rival_that_did_not_converge_is_an_alarm_too(tmp_path: Path) -> None:
    rival = {**copy.deepcopy(MODEL), "model": "lcdm", "converged": False, "unmet": ["too short"]}
    html = write_html(summary(rivals={"lcdm": rival}), tmp_path)
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
    assert said not in write_html(summary(), tmp_path)
    assert said in write_html(summary(**changes), tmp_path)


def test_the_page_holds_its_pictures_and_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "janus_corner.png").write_bytes(PICTURE)
    html = write_html(summary(), tmp_path)
    assert f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}" in html
    assert not re.search(r'(?:src|href)="https?:', html)
    assert "<script" not in html


def test_texts_are_escaped(tmp_path: Path) -> None:
    html = write_html(summary(conventions=["<b>not bold</b>"]), tmp_path)
    assert "&lt;b&gt;not bold" in html
