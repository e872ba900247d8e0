"""Models against each other, in numbers and in words."""

import json
from dataclasses import replace

import pytest

from app.errors import ConfigError
from app.pipelines.janus.comparison import Compared, compare, preferred

JANUS = {
    "k": 2,
    "ln_l_max": -20.0,
    "chi2_min": 41.895,
    "chi2_dof": 1.445,
    "aic": 45.9,
    "aicc": 46.3,
    "bic": 48.8,
    "dic": 45.0,
    "waic": 45.5,
}
LCDM = JANUS | {
    "ln_l_max": -15.863,
    "chi2_min": 33.621,
    "aic": 37.6,
    "aicc": 38.0,
    "bic": 40.5,
    "dic": 37.0,
    "waic": 37.5,
}
DATA = {"jla": "sha256"}


def result(criteria=JANUS, ln_z=-30.0, sd=0.003, **told):
    return Compared(criteria, ln_z, sd, **({"converged": True, "data": DATA} | told))


def rows_of(ln_b, sd=0.0):
    return compare({"janus": result(ln_z=-30.0, sd=0.0), "lcdm": result(LCDM, -30.0 + ln_b, sd)})


def test_differences_are_the_models_less_the_first_ones():
    first, second = compare(
        {"janus": result(ln_z=-30.0, sd=0.003), "lcdm": result(LCDM, -26.0, 0.004)}
    )
    assert first["delta_chi2"] == first["delta_bic"] == first["ln_b"] == 0.0
    assert first["verdict"] == ""
    assert second["delta_chi2"] == pytest.approx(-8.274)
    assert second["delta_deviance"] == pytest.approx(-8.274)
    for key in ["aic", "aicc", "bic", "dic", "waic"]:
        assert second[f"delta_{key}"] == pytest.approx(LCDM[key] - JANUS[key])
    assert second["ln_b"] == pytest.approx(4.0)
    assert second["ln_b_sd"] == pytest.approx(0.005)
    assert second["chi2_min"] == 33.621
    json.dumps([first, second], allow_nan=False)


@pytest.mark.parametrize(
    ("ln_b", "verdict"),
    [
        (0.0, "inconclusive"),
        (0.99, "inconclusive"),
        (-0.99, "inconclusive"),
        (1.0, "weak evidence for lcdm"),
        (-1.0, "weak evidence for janus"),
        (2.49, "weak evidence for lcdm"),
        (2.5, "moderate evidence for lcdm"),
        (4.99, "moderate evidence for lcdm"),
        (-4.99, "moderate evidence for janus"),
        (5.0, "strong evidence for lcdm"),
        (-14.72, "strong evidence for janus"),
    ],
)
def test_words_of_evidence_at_1_and_2_5_and_5(ln_b, verdict):
    assert rows_of(ln_b)[1]["verdict"] == verdict


@pytest.mark.parametrize(
    ("ln_b", "sd", "verdict"),
    [
        (2.4, 0.05, "weak evidence for lcdm"),
        (2.4, 0.2, "weak to moderate evidence for lcdm"),
        (-0.9, 0.3, "inconclusive to weak evidence for janus"),
        (0.1, 0.5, "inconclusive"),
    ],
)
def test_an_error_over_a_threshold_is_told(ln_b, sd, verdict):
    assert rows_of(ln_b, sd)[1]["verdict"] == verdict


@pytest.mark.parametrize(
    ("delta", "verdict"),
    [
        (-5.9, "inconclusive"),
        (5.9, "inconclusive"),
        (-6.0, "strong evidence for lcdm by BIC"),
        (6.0, "strong evidence for janus by BIC"),
        (-9.9, "strong evidence for lcdm by BIC"),
        (-10.0, "very strong evidence for lcdm by BIC"),
        (12.0, "very strong evidence for janus by BIC"),
    ],
)
def test_without_evidence_words_are_of_bic_at_6_and_10(delta, verdict):
    rows = compare(
        {
            "janus": result(JANUS | {"bic": 0.0}, None, None),
            "lcdm": result(JANUS | {"bic": delta}, None, None),
        }
    )
    assert rows[1]["verdict"] == verdict
    assert rows[1]["ln_b"] is None
    assert rows[1]["ln_b_sd"] is None


def test_what_one_of_two_does_not_have_is_not_compared():
    rows = compare(
        {"janus": result(), "lcdm": result(LCDM | {"dic": None, "bic": None}, None, None)}
    )
    assert rows[1]["delta_dic"] is None
    assert rows[1]["ln_b"] is None
    assert rows[1]["verdict"] == ""


def test_chi2_is_compared_where_the_covariance_is_the_same():
    def second(of_first, of_second):
        told = {
            "lcdm": result(LCDM, of_covariance=of_first),
            "five_parameters": result(JANUS, of_covariance=of_second),
        }
        return compare(told)[1]

    same = second({"sigma_int": 0.1}, {"sigma_int": 0.1})
    assert same["delta_chi2"] == same["delta_deviance"] == pytest.approx(8.274)
    for other in ({"sigma_int": 0.05}, {"sigma_int": 0.0}):  # free at the top of one; only there
        assert second({}, other)["delta_chi2"] is None
        assert second({"sigma_int": 0.1}, other)["delta_chi2"] is None
        assert second({}, other)["delta_deviance"] == pytest.approx(8.274)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"unconstrained": ["e"]}, "the data say nothing of e (lcdm)"),
        ({"undecided": ["e"]}, "the draws are too few for e (lcdm)"),
        (
            {"unconstrained": ["w", "Ok"], "undecided": ["e"]},
            "the data say nothing of w, Ok (lcdm), the draws are too few for e (lcdm)",
        ),
    ],
)
def test_parameters_are_no_evidence_without_ln_z(told, said):
    bic = LCDM | {"bic": JANUS["bic"] + 7.439}  # ln 1701: of the one parameter more
    for models in (
        {"janus": result(ln_z=None, sd=None), "lcdm": result(bic, None, None, **told)},
        {"lcdm": result(bic, None, None, **told), "janus": result(ln_z=None, sd=None)},
    ):
        rows = compare(models)
        assert rows[1]["verdict"] == f"none: {said}"
        name, sentence = preferred(rows)
        assert name is None
        assert said in sentence
    # ln Z does not change for them: it tells
    rows = compare({"janus": result(), "lcdm": result(bic, -24.0, **told)})
    assert rows[1]["verdict"] == "strong evidence for lcdm"
    assert preferred(rows)[0] == "lcdm"


def test_different_data_are_refused():
    with pytest.raises(ConfigError, match=r"lcdm and janus cannot be compared: .*different data"):
        compare({"janus": result(), "lcdm": result(data={"pantheon": "sha256"})})


def test_a_flat_likelihood_is_refused_and_named():
    with pytest.raises(ConfigError, match="do not depend on its H0, Om"):
        compare({"janus": result(), "lcdm": result(flat=["H0", "Om"])})
    assert len(compare({"lcdm": result(flat=["H0", "Om"])})) == 1  # nothing to compare


def test_no_verdict_on_draws_that_did_not_converge():
    rows = compare({"janus": result(), "lcdm": replace(result(LCDM, -20.0), converged=False)})
    assert rows[1]["verdict"] == "none: not converged"
    assert preferred(rows) == (None, "No model is preferred: lcdm did not converge.")


def test_the_preferred_model_in_a_sentence():
    rows = compare(
        {
            "janus": result(ln_z=-30.0),
            "lcdm": result(LCDM, -26.0),
            "wcdm": result(LCDM, -27.5),
        }
    )
    assert preferred(rows) == (
        "lcdm",
        "Weak evidence for lcdm over wcdm (ln B = 1.500 ± 0.004). "
        "Moderate evidence for lcdm over janus (ln B = 4.000 ± 0.004).",
    )
    assert preferred(rows_of(-4.0))[0] == "janus"
    assert preferred(rows_of(0.5)) == (
        None,
        "lcdm and janus describe the data alike (ln B = 0.500 ± 0.000).",
    )


def test_the_preferred_model_by_bic():
    rows = compare({"janus": result(JANUS, None, None), "lcdm": result(LCDM, None, None)})
    assert preferred(rows) == ("lcdm", "Strong evidence for lcdm by BIC over janus (ΔBIC = 8.30).")
    rows[1]["delta_bic"] = None
    assert preferred(rows)[0] is None
