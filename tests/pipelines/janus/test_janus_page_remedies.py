"""What the red box says to type: more where more is the remedy, and else something else. Sentences
are those that the judgement makes."""

from typing import Any

import numpy as np
import pytest

from app.config.janus.sampler import Convergence, Sampler
from app.pipelines.janus.page.remedy import remedies
from app.pipelines.janus.shortfalls import (
    acceptance_unmet,
    ended_unmet,
    evidence_unmet,
    ln_z_unmet,
    size_unmet,
)

TARGETS = Convergence()
TOO_FEW = size_unmet("q0", 31.0, 0.18, TARGETS)


def remedy(sampler: dict[str, Any], unmet: list[str], adaptive: bool = True, **told: Any) -> str:
    model = {"converged": False, "unmet": unmet, "ended": "steps", "pareto_k": 0.3}
    model |= {"parameters": {"q0": {"tau": told.pop("tau", None)}}} | told
    done = model | {"converged": True, "unmet": []}
    chosen, targets = Sampler.model_validate(sampler), Convergence(adaptive=adaptive)
    assert remedies({"done": done}, chosen, targets) == []
    return " ".join(remedies({"janus": model, "lcdm": done, "wcdm": model}, chosen, targets))


@pytest.mark.parametrize(
    ("sampler", "told", "typed"),
    [
        ({"kind": "emcee", "steps": 10_000}, {"tau": 40.0}, "sampler.steps=20000"),
        ({"kind": "emcee", "steps": 60}, {"tau": 5.4343}, "sampler.steps=600"),
        ({"kind": "emcee", "steps": 2}, {}, "sampler.steps=4"),
        ({"kind": "importance"}, {"ended": "batches"}, "sampler.max_batches=800"),
        (
            {"kind": "importance", "max_batches": 2},
            {"ended": "batches", "pareto_k": 4.2},
            "sampler.max_batches=4",
        ),
        ({"kind": "nautilus"}, {"ended": "converged", "adaptive": False}, "sampler.n_eff=8000"),
        ({"kind": "dynesty", "dlogz": 2.0}, {"ended": "converged"}, "sampler.dlogz=0.1"),
        (
            {"kind": "quadrature"},
            {"ended": "nodes", "adaptive": False},
            "convergence.adaptive=true",
        ),
    ],
)
def test_more_is_typed_once(sampler: dict[str, Any], told: dict[str, Any], typed: str) -> None:
    assert remedy(sampler, TOO_FEW, **told) == f"The same command with {typed} goes on from here."


@pytest.mark.parametrize("kind", ["emcee", "importance", "nautilus", "dynesty", "quadrature"])
def test_after_a_deadline_the_same_command_goes_on(kind: str) -> None:
    said = remedy({"kind": kind}, ended_unmet("deadline"), ended="deadline")
    assert said.startswith("The same command goes on from here: give it a larger budget.total")


def stuck() -> list[str]:
    return acceptance_unmet(np.array([[0.4, 0.4, 0.0, 0.4]]), TARGETS)


def apart() -> list[str]:
    rng = np.random.default_rng(0)
    weight = np.array([1.0, 1.0, 1.0, 3.0])[:, None] * rng.uniform(0.9, 1.1, (4, 500))
    return evidence_unmet(weight / weight.sum(), None, TARGETS)


@pytest.mark.parametrize(
    ("sampler", "unmet", "told", "typed"),
    [
        ({"kind": "emcee"}, stuck(), {}, "sampler.walkers=64 run_name=ANOTHER, a wider prior"),
        ({"kind": "importance"}, apart(), {}, "sampler.populations=8 run_name=ANOTHER"),
        ({"kind": "importance"}, TOO_FEW, {"pareto_k": 1.2}, "sampler=nautilus run_name=ANOTHER"),
        ({"kind": "importance"}, TOO_FEW, {"pareto_k": None}, "sampler=nautilus"),
        ({"kind": "dynesty"}, TOO_FEW, {}, "sampler.live_points=1000 run_name=ANOTHER"),
        ({"kind": "dynesty"}, ended_unmet("plateau"), {"ended": "plateau"}, "sampler=importance"),
        ({"kind": "quadrature"}, ln_z_unmet(0.1, TARGETS), {}, "sampler=importance"),
    ],
)
def test_where_more_is_none_another_remedy_is_told(
    sampler: dict[str, Any], unmet: list[str], told: dict[str, Any], typed: str
) -> None:
    assert unmet
    said = remedy(sampler, unmet, **told)
    assert typed in said
    assert "goes on from here" not in said


def test_a_walker_may_stand_still_by_chance_in_a_few_steps() -> None:
    assert "sampler.steps=20" in remedy({"kind": "emcee", "steps": 10}, stuck())


def test_a_prior_that_cuts_is_widened_by_its_own_sentence() -> None:
    cut = "a is cut at 0 by its prior, and the log-probability goes on past it: widen it"
    assert remedy({"kind": "emcee"}, [cut]) == ""
