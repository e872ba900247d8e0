"""Criteria that mean nothing: a DIC that counts fewer than no parameters is none, a WAIC that
leans on single data is marked, in the summary and on the page."""

from typing import Any

import numpy as np
import pytest
from janus_linear import Flat, Line, chain

from app.pipelines.janus.assess import best_draw
from app.pipelines.janus.information import Data, criteria
from app.pipelines.janus.page.tables import comparison, waic_is_doubtful
from app.pipelines.janus.page.words import below_comparison
from app.pipelines.janus.posterior import Posterior


def test_a_ring_has_no_dic() -> None:
    prior = Flat(("a", "b"), np.array([[-2.0, 2.0]] * 2))

    def log_likelihood(theta: Any) -> Any:
        return -0.5 * ((np.hypot(*theta.T) - 1.0) / 0.1) ** 2

    posterior = Posterior(prior, log_likelihood, identity={})
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0.0, 2.0 * np.pi, 4000), rng.normal(1.0, 0.1, 4000)
    theta = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    draws = chain(prior, theta.reshape(4, 100, 10, 2), posterior)
    told = criteria(draws, posterior, best_draw(draws), None, rng)
    # at the centre -2 ln L is 100, of the draws it is 1 in the mean
    assert told["p_dic"] == pytest.approx(1.0 - 100.0, abs=3.0)
    assert told["dic"] is None
    line = Line()
    draws = line.draws()
    of_line = criteria(draws, line.posterior(), best_draw(draws), None, rng)
    assert of_line["dic"] is not None
    assert of_line["p_dic"] == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("outliers", [0, 3])
def test_data_that_waic_leans_on_are_counted(outliers: int) -> None:
    line = Line(n=30)
    line.y[:outliers] += 20.0 * line.sd
    draws = line.draws()
    data = Data(30, 30, 0, line.chi2, line.chi2, line.pointwise)
    told = criteria(draws, line.posterior(), best_draw(draws), data, np.random.default_rng(0))
    variance = line.pointwise(draws.theta.reshape(-1, 2)).var(axis=0)
    assert told["n_varying"] == int((variance > 0.4).sum()) == outliers
    assert told["p_waic"] == pytest.approx(variance.sum(), rel=1e-9)
    assert waic_is_doubtful({"criteria": told}) == (outliers > 0)


SOUND = {"k": 8, "n_data": 514, "n_gaussian": 264, "waic": 297.7}
SOUND |= {"p_dic": 6.0, "p_waic": 5.0, "n_varying": 0}
ROW = {
    "converged": True,
    "chi2_min": 379.2,
    "chi2_dof": 1.335,
    "verdict": "",
    **dict.fromkeys(["ln_z", "ln_b", "ln_b_sd"]),
    **{f"delta_{key}": 0.0 for key in ("deviance", "chi2", "aic", "aicc", "bic", "dic", "waic")},
}


def compared(**of_second: Any) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Cells of the comparison by their head, with their marks; and what stands below it."""
    rows = [ROW | {"model": "janus"}, ROW | {"model": "lcdm", "delta_dic": None}]
    model = {"names": list("abcdefgh"), "criteria": SOUND, "likelihood": {}}
    second = model | {"criteria": SOUND | of_second}
    it = model | {"model": "janus", "comparison": rows, "rivals": {"lcdm": second}}
    found = comparison(it, {"janus": model, "lcdm": second})
    return (
        {one.head: [cell.text + cell.mark for cell in one.cells] for one in found},
        below_comparison(it),
    )


def test_no_dic_is_a_dash_with_its_reason() -> None:
    cells, below = compared(p_dic=-0.2993)
    assert cells["ΔDIC"] == ["0.00", "–b"]
    (said,) = (said for mark, said in below if mark == "b")
    assert said.startswith("No DIC of lcdm: it would count −0.30 parameters.")
    assert not any(mark for mark, _ in compared()[1])


def test_a_waic_in_doubt_is_marked_with_its_reason() -> None:
    cells, below = compared(p_waic=16.83, n_varying=6)
    assert cells["ΔWAIC"] == ["0.00", "0.00†"]
    (said,) = (said for mark, said in below if mark == "†")
    assert said == (
        "Do not rely on WAIC of lcdm: the log density of 6 of 514 data varies by more than 0.4 "
        "over the posterior, and it counts 16.8 parameters where there are 8."
    )
    assert compared()[0]["ΔWAIC"] == ["0.00", "0.00"]
    assert any("the two cannot be compared" in said for _, said in compared()[1])
